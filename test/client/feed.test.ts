/** How a node hears of what happens: by events, and by asking. */
import { expect } from 'chai';
import { createClient, joinSession } from '../../src/client/index.js';
import { join } from '../../src/client/joinSession.js';
import { play } from './play.js';
import { startSession } from './stage.js';

/** An update of three values. */
const ones = {
  contentType: 'application/octet-stream',
  body: new Uint8Array(new Float32Array([1, 1, 1]).buffer),
};

describe('follow', () => {
  const scene = play();

  it('goes on by asking where there are no sockets', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 2 });
    const { url, upgrades } = await scene.through(
      (_, __, pass) => pass(),
      () => false,
    );
    const events: string[] = [];
    const outcome = await joinSession(
      scene.optionsOf('one', { server: url, onEvent: ({ type }) => events.push(type) }),
    );
    expect(outcome.status).equal('completed');
    expect(upgrades()).length.greaterThan(0);
    expect(events).not.include('connected');
  });

  it('follows events where there is a socket, and need not ask', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 20 });
    let views = 0;
    const events: string[] = [];
    const { url } = await scene.through((request, _, pass) => {
      if (request.url!.endsWith('/sessions/job?node=one')) views++;
      return pass();
    });
    await joinSession(scene.optionsOf('one', { server: url, onEvent: ({ type }) => events.push(type) }));
    expect(views).within(1, 6);
    // Its own end is no lost connection.
    expect(events).include('connected').not.include('disconnected');
  });

  it('survives a socket that is cut, and misses nothing', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 3 });
    let cut = false;
    const sockets: (() => void)[] = [];
    const outcome = await join(
      scene.optionsOf('one', {
        train: ({ model, round }) => {
          if (round === 2) sockets.forEach((close) => close());
          cut ||= round === 2;
          return { update: model.values };
        },
      }),
      ({ signal }) =>
        new Promise((resolve) => {
          sockets.push(resolve);
          signal.addEventListener('abort', () => resolve());
        }),
    );
    expect([outcome.status, cut]).deep.equal(['completed', true]);
  });

  it('resumes after the last event that it heard when a socket that had greeted is cut', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, targetUpdates: 1, rounds: 4 });
    const client = createClient({ server: scene.stage.url });
    let gate: Promise<boolean> | true = true;
    let isAnswering = true;
    const proxy = await scene.through(
      (request, _, pass) =>
        isAnswering || !request.url!.endsWith('/sessions/job?node=one') ? pass() : undefined,
      () => gate,
    );
    const trained: number[] = [];
    const outcome = await joinSession(
      scene.optionsOf('one', {
        server: proxy.url,
        train: async ({ model, round }) => {
          trained.push(round);
          if (round === 2) {
            // From now on nothing but events tells of what happens, and two rounds happen while there is no socket.
            isAnswering = false;
            let open = (): void => undefined;
            gate = new Promise((resolve) => (open = () => resolve(true)));
            proxy.cut();
            await client.registerNode({ id: 'other', sessions: ['job'] });
            for (const missed of [2, 3]) {
              const committed = scene.committed(missed);
              await client.sendUpdate('job', missed, 'other', ones);
              await committed;
            }
            open();
          }
          return { update: model.values.fill(1) };
        },
      }),
    );
    expect(outcome).include({ status: 'completed', committed: 4, accepted: 2 });
    expect(trained).deep.equal([1, 2, 4]);
    const [first, second] = proxy.upgrades();
    expect(first).not.match(/since/);
    expect(second).match(/[?&]since=[1-9]/);
  });
});
