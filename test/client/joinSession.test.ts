/** A node's part in a session, played to a real server. */
import { expect } from 'chai';
import {
  createClient,
  joinSession,
  type JoinOptions,
  type NodeEvent,
  type Train,
} from '../../src/client/index.js';
import { expectRefusal } from '../support/refusal.js';
import { moveBy, play, quick } from './play.js';
import { openProxy, openStage, type Proxy, type Stage, startSession } from './stage.js';

describe('joinSession', () => {
  const scene = play();

  it('trains every round until the session is completed', async () => {
    await startSession(scene.stage.coordinator, { quorum: 2, rounds: 4 });
    const seen: number[][] = [];
    const [one, two] = await Promise.all([
      joinSession(
        scene.optionsOf('one', {
          train: ({ model, round, config }) => {
            seen.push([model.round, round, model.values[0]!]);
            expect([model.tensors, config]).deep.equal([[{ name: 'model', shape: [3] }], {}]);
            return { update: model.values.fill(1) };
          },
        }),
      ),
      joinSession(scene.optionsOf('two', { train: moveBy(3) })),
    ]);
    expect(one).deep.equal({
      status: 'completed',
      reason: one.reason,
      committed: 4,
      accepted: 4,
      refused: 0,
      refusal: null,
    });
    expect(two.accepted).equal(4);
    expect(seen).deep.equal([
      [0, 1, 0],
      [1, 2, 2],
      [2, 3, 4],
      [3, 4, 6],
    ]);
    const { values, round } = await createClient({ server: scene.stage.url }).model('job');
    expect([round, ...values]).deep.equal([4, 8, 8, 8]);
  });

  it('reports what it sends, with the numbers from training', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 1 });
    const events: NodeEvent[] = [];
    await joinSession(
      scene.optionsOf('one', {
        train: ({ model }) => ({ update: model.values, numExamples: 7, metrics: { 'loß "x"': 0.25 } }),
        onEvent: (event) => events.push(event),
      }),
    );
    const { updates } = await scene.stage.coordinator.round('job', 1);
    expect(updates[0]).include({ node: 'one', numExamples: 7 });
    expect(updates[0]!.metrics).deep.equal({ 'loß "x"': 0.25 });
    const kinds = events.map(({ type }) => type).filter((type) => !type.includes('connected'));
    expect(kinds).deep.equal(['registered', 'training', 'accepted']);
  });

  for (const [encoding, step] of [
    ['f16', 0.5],
    ['bf16', 0.5],
    ['int8', 1],
  ] as const) {
    it(`sends ${encoding}`, async () => {
      await startSession(scene.stage.coordinator, { quorum: 1, rounds: 2 });
      await joinSession(scene.optionsOf('one', { encoding, train: moveBy(step) }));
      const { values } = await scene.stage.coordinator.model('job');
      for (const value of values) expect(value).closeTo(2 * step, 1e-6);
    });
  }

  it('registers again when the server does not know it any more', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 2 });
    let registered = 0;
    const outcome = await joinSession(
      scene.optionsOf('one', {
        train: async ({ model, round }) => {
          if (round === 2) await scene.stage.coordinator.removeNode('one');
          return { update: model.values };
        },
        onEvent: ({ type }) => {
          if (type === 'registered') registered++;
        },
      }),
    );
    expect(outcome.status).equal('completed');
    expect(registered).greaterThan(1);
  });

  it('ends with the session, and says how', async () => {
    await startSession(scene.stage.coordinator, { quorum: 5 });
    const joined = joinSession(
      scene.optionsOf('one', {
        onEvent: ({ type }) => {
          if (type === 'connected') void scene.stage.coordinator.stop('job');
        },
      }),
    );
    expect(await joined).include({ status: 'stopped', committed: 0, accepted: 0 });
  });

  it('rejects with ABORTED when aborted, and sends nothing more', async () => {
    await startSession(scene.stage.coordinator, { quorum: 5 });
    let requests = 0;
    const { url } = await scene.through((_, __, pass) => {
      requests++;
      return pass();
    });
    const controller = new AbortController();
    const joined = joinSession(
      scene.optionsOf('one', {
        server: url,
        signal: controller.signal,
        onEvent: ({ type }) => {
          if (type === 'connected') controller.abort();
        },
      }),
    );
    await expectRefusal(() => joined, 'ABORTED');
    const before = requests;
    await new Promise((resolve) => setTimeout(resolve, 400)); // two heartbeats
    expect(requests).equal(before);
  });

  it('rejects with TRAINING_FAILED when train throws or returns something else than an update', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1 });
    const broken: Train[] = [
      () => {
        throw new Error('no data');
      },
      () => ({ update: new Float32Array(2) }),
      () => ({ update: [1, 2, 3] as unknown as Float32Array }),
      () => ({ update: new Float32Array(3), numExamples: -1 }),
      () => ({ update: new Float32Array(3), metrics: { loss: 'low' } as never }),
    ];
    for (const train of broken)
      await expectRefusal(() => joinSession(scene.optionsOf('one', { train })), 'TRAINING_FAILED');
    expect(scene.stage.coordinator.session('job').nodes[0]!.accepted).equal(0);
  });

  it('rejects with the server’s code for what it refuses for good', async () => {
    await expectRefusal(() => joinSession(scene.optionsOf('one')), 'UNKNOWN_SESSION');
  });

  it('rejects with CONNECTION_FAILED when no server is found for long enough', async () => {
    const { url, close } = await openProxy(scene.stage.url, (_, __, pass) => pass());
    await close();
    const retry = { ...quick, giveUpAfterMs: 100 };
    const error = await expectRefusal(
      () => joinSession(scene.optionsOf('one', { server: url, retry })),
      'CONNECTION_FAILED',
    );
    expect(error.message).include('ECONNREFUSED');
  });

  it('rejects with BAD_RESPONSE where something else answers', async () => {
    const { url } = await scene.through((_, response) => void response.end('hello'));
    await expectRefusal(() => joinSession(scene.optionsOf('one', { server: url })), 'BAD_RESPONSE');
  });

  it('is not lost when a heartbeat is not answered', async () => {
    await startSession(scene.stage.coordinator, { quorum: 2, rounds: 1 });
    let heartbeats = 0;
    const { url } = await scene.through((request, _, pass) => {
      if (request.url!.endsWith('/heartbeat') && ++heartbeats === 1) return; // the connection stays open
      return pass();
    });
    const controller = new AbortController();
    const joined = joinSession(scene.optionsOf('one', { server: url, signal: controller.signal }));
    const aborted = expectRefusal(() => joined, 'ABORTED');
    const statuses: unknown[] = [];
    await new Promise<void>((resolve) => {
      scene.stage.coordinator.events.subscribe(({ body }) => {
        if (body.type !== 'node-status') return;
        statuses.push(body.status);
        if (body.status === 'healthy' || body.status === 'lost') resolve();
      });
    });
    controller.abort();
    await aborted;
    expect(heartbeats).greaterThan(1);
    expect(statuses).not.include('lost');
  });

  it('refuses options that it does not have, before it sends anything', async () => {
    await expectRefusal(
      () => joinSession({ ...scene.optionsOf('one'), nodes: 1 } as JoinOptions),
      'UNKNOWN_PARAMETER',
    );
    await expectRefusal(
      () => joinSession(scene.optionsOf('one', { server: 'ftp://x' })),
      'INVALID_PARAMETER',
    );
    await expectRefusal(
      () => joinSession(scene.optionsOf('one', { encoding: 'f64' as 'f32' })),
      'INVALID_PARAMETER',
    );
    await expectRefusal(
      () => joinSession(scene.optionsOf('one', { train: 5 as unknown as Train })),
      'BAD_TYPE',
    );
    expect(scene.stage.coordinator.nodes()).deep.equal([]);
  });
});

describe('joinSession with tokens', () => {
  const enrollmentToken = 'enrollment-0123456789';
  let stage: Stage;
  before(async () => {
    stage = await openStage({ auth: { enabled: true, adminToken: 'admin-0123456789abc', enrollmentToken } });
    await startSession(stage.coordinator, { quorum: 1, rounds: 1 });
  });
  let proxy: Proxy | undefined;
  after(async () => {
    await proxy?.close();
    await stage.close();
  });

  it('registers with the enrollment token, and comes back with the one that this gave it', async () => {
    const options = { server: stage.url, session: 'job', node: 'one', train: moveBy(1), retry: quick };
    await expectRefusal(() => joinSession(options), 'UNAUTHORIZED');

    const tokens: (string | null)[] = [];
    const onEvent = (event: NodeEvent): void => {
      if (event.type === 'registered') tokens.push(event.token);
    };
    expect(await joinSession({ ...options, enrollmentToken, onEvent })).include({ accepted: 1 });
    await expectRefusal(() => joinSession({ ...options, enrollmentToken }), 'NODE_EXISTS');

    const token = tokens[0]!;
    expect(await joinSession({ ...options, token, onEvent })).include({ status: 'completed', accepted: 0 });
    expect(tokens).deep.equal([token, null]);
    await expectRefusal(() => joinSession({ ...options, node: 'two', token }), 'NOT_YOUR_NODE');
  });

  it('is the same node when the answer to its registration was lost', async () => {
    let lost = 0;
    proxy = await openProxy(stage.url, async ({ method, url }, answer, pass) => {
      const isLost = method === 'POST' && url === '/v1/nodes' && lost++ < 2;
      await pass(isLost ? () => (answer.destroy(), Buffer.alloc(0)) : undefined);
    });
    const options = { server: proxy.url, session: 'job', node: 'three', train: moveBy(1), retry: quick };
    expect(await joinSession({ ...options, enrollmentToken })).include({ status: 'completed' });
    expect(lost).equal(3);

    // One that was kept from before it was ever sent is as good, and comes back without the enrollment token.
    const token = 'k'.repeat(43);
    lost = 0;
    const four = { ...options, node: 'four', token };
    expect(await joinSession({ ...four, enrollmentToken })).include({ status: 'completed' });
    expect(await joinSession(four)).include({ status: 'completed' });
  });
});
