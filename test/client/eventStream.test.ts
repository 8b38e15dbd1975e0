/** The server's events for whoever watches. */
import { expect } from 'chai';
import { createClient, type ServerEvent } from '../../src/client/index.js';
import { clientOf } from '../../src/client/createClient.js';
import { createTransport } from '../../src/client/transport.js';
import { expectRefusal } from '../support/refusal.js';
import { play } from './play.js';
import { startSession } from './stage.js';

describe('client.events', () => {
  const scene = play();

  it('goes on after the last event that was seen when its socket is cut: none is missing, none comes twice', async () => {
    const { coordinator } = scene.stage;
    const { url, cut } = await scene.through((_, __, pass) => pass());
    const client = createClient({ server: url });
    const seen: ServerEvent[] = [];
    /** Until the socket is cut, which it is at each change of the session. */
    const watch = async (): Promise<void> => {
      for await (const event of client.events({ since: seen.at(-1)?.number ?? 0 })) {
        seen.push(event);
        if (event.type === 'session-status') cut();
      }
    };
    await startSession(coordinator, { quorum: 1 });
    await expectRefusal(() => watch(), 'CONNECTION_FAILED');
    await coordinator.pause('job');
    await coordinator.registerNode({ id: 'late', sessions: [], capabilities: {}, publicKey: null });
    await coordinator.stop('job');
    while (seen.length < coordinator.events.last) await expectRefusal(() => watch(), 'CONNECTION_FAILED');
    expect(seen.map(({ number }) => number)).deep.equal(
      Array.from({ length: coordinator.events.last }, (_, i) => i + 1),
    );
  });

  it('yields new events of one session only', async () => {
    const { coordinator } = scene.stage;
    for (const id of ['job', 'other']) await startSession(coordinator, { id, quorum: 1 });
    const told: ServerEvent[] = [];
    for await (const event of createClient({ server: scene.stage.url }).events({
      session: 'job',
      since: 0,
    })) {
      told.push(event);
      if (event.type === 'session-status') break;
    }
    expect(told).not.deep.equal([]);
    for (const { session } of told) expect(session).equal('job');
  });

  it('rejects with ABORTED when aborted', async () => {
    const controller = new AbortController();
    const events = createClient({ server: scene.stage.url }).events({ signal: controller.signal });
    const next = events[Symbol.asyncIterator]().next();
    controller.abort();
    await expectRefusal(() => next, 'ABORTED');
  });

  it('bounds its unread events: it closes its socket, and reports where to resume', async () => {
    const padding = 'x'.repeat(10_000);
    let sent = 0;
    const client = clientOf(createTransport('http://127.0.0.1:1', null), ({ onMessage, signal }) => {
      onMessage('{"type":"hello","first":1,"last":0}');
      while (!signal.aborted && sent < 10_000) {
        onMessage(JSON.stringify({ number: ++sent, atMs: 0, type: 'update-accepted', padding }));
      }
      return Promise.resolve();
    });
    const read: number[] = [];
    const error = await expectRefusal(async () => {
      for await (const { number } of client.events({ since: 0 })) read.push(number);
    }, 'CONNECTION_FAILED');
    expect(sent * padding.length).within(1e6, 1e7);
    expect(read).deep.equal(Array.from({ length: sent }, (_, i) => i + 1));
    expect(error.details).deep.equal({ since: sent });
  });

  it('goes on for as long as its reader keeps up, however much comes', async () => {
    const padding = 'x'.repeat(100_000);
    const most = 200;
    const client = clientOf(createTransport('http://127.0.0.1:1', null), async ({ onMessage }) => {
      onMessage('{"type":"hello","first":1,"last":0}');
      for (let number = 1; number <= most; number++) {
        onMessage(JSON.stringify({ number, atMs: 0, type: 'update-accepted', padding }));
        await new Promise(setImmediate);
      }
    });
    let read = 0;
    const error = await expectRefusal(async () => {
      for await (const { number } of client.events()) read = number;
    }, 'CONNECTION_FAILED');
    expect([read, error.details]).deep.equal([most, {}]);
  });

  it('rejects with BAD_RESPONSE where something else speaks', async () => {
    const client = clientOf(createTransport(scene.stage.url, null), ({ onMessage, signal }) => {
      onMessage('{"type":"hello","first":1,"last":0}');
      onMessage('good morning');
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    });
    await expectRefusal(() => client.events()[Symbol.asyncIterator]().next(), 'BAD_RESPONSE');
  });
});
