/** A node's part in a session whose rounds are buffers: its model may be older than the round that takes its update. */
import { expect } from 'chai';
import { createClient, joinSession, type NodeEvent } from '../../src/client/index.js';
import { join } from '../../src/client/joinSession.js';
import { nodeSocket } from '../../src/client/nodeSocket.js';
import { moveBy, play } from './play.js';
import { startSession } from './stage.js';

/** An update of three values, all of them the same. */
const filled = (value: number) => ({
  contentType: 'application/octet-stream',
  body: new Uint8Array(new Float32Array(3).fill(value).buffer),
});

describe('joinSession in buffered mode', () => {
  const scene = play();
  const mode = { buffered: { bufferSize: 2, maxStaleness: 1 } };

  /** Two other nodes, whose updates for a round fill a buffer and are waited for until it is committed. */
  const others = async () => {
    const client = createClient({ server: scene.stage.url });
    for (const id of ['a', 'b']) await client.registerNode({ id, sessions: ['job'] });
    return async (round: number, nodes: readonly string[], value: number): Promise<void> => {
      const committed = scene.committed(round);
      for (const node of nodes) await client.sendUpdate('job', round, node, filled(value));
      await committed;
    };
  };

  it('has an update from an older model taken by a later round, at the weight of its staleness', async () => {
    await startSession(scene.stage.coordinator, { quorum: 2, rounds: 3, mode });
    const fill = await others();
    const trained: number[] = [];
    const receipts: [round: number, staleness: number][] = [];
    let tell = (): void => undefined;
    const heardOfNext = new Promise<void>((resolve) => (tell = resolve));
    const outcome = await join(
      scene.optionsOf('slow', {
        train: async ({ model, round, signal }) => {
          trained.push(round);
          if (round === 1) {
            await fill(1, ['a', 'b'], 1);
            await heardOfNext;
          }
          expect(signal.aborted).false;
          return { update: model.values.fill(4) };
        },
        onEvent: (event) => {
          if (event.type !== 'accepted') return;
          const { round, staleness } = event.receipt;
          receipts.push([round, staleness]);
          void fill(round, ['a'], 2);
        },
      }),
      (request) =>
        nodeSocket({
          ...request,
          onMessage: (text) => {
            request.onMessage(text);
            const { type, round } = JSON.parse(text) as { type: string; round?: number };
            if (type === 'round-opened' && round === 2) tell();
          },
        }),
    );
    expect(outcome).include({ status: 'completed', committed: 3, accepted: 2 });
    expect(trained).deep.equal([1, 3]);
    expect(receipts).deep.equal([
      [2, 1],
      [3, 0],
    ]);
    const expected = 1 + (4 / Math.sqrt(2) + 2) / 2 + (4 + 2) / 2;
    for (const value of (await scene.stage.coordinator.model('job')).values)
      expect(value).closeTo(expected, 1e-6);
  });

  it('abandons training on a stale model, and trains from the newest', async () => {
    await startSession(scene.stage.coordinator, { quorum: 2, rounds: 3, mode });
    const fill = await others();
    const events: NodeEvent[] = [];
    const outcome = await joinSession(
      scene.optionsOf('slow', {
        train: async ({ model, round, signal }) => {
          if (round === 1) {
            await fill(1, ['a', 'b'], 1);
            expect(signal.aborted).false;
            const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
            await fill(2, ['a', 'b'], 1);
            await aborted;
          }
          return { update: model.values.fill(4) };
        },
        onEvent: (event) => {
          events.push(event);
          if (event.type === 'accepted') void fill(3, ['a'], 2);
        },
      }),
    );
    expect(events).deep.include({ type: 'superseded', round: 1 });
    expect(outcome).include({ status: 'completed', accepted: 1 });
    expect([...(await scene.stage.coordinator.model('job')).values]).deep.equal([5, 5, 5]);
  });

  it('fills each buffer exactly, however many nodes send at once', async () => {
    const rounds = 12;
    await startSession(scene.stage.coordinator, { quorum: 2, rounds, mode });
    const refused: string[] = [];
    const outcomes = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((node) =>
        joinSession(
          scene.optionsOf(node, {
            train: moveBy(1),
            onEvent: (event) => {
              if (event.type === 'refused') refused.push(event.code);
            },
          }),
        ),
      ),
    );
    for (const { status, committed } of outcomes)
      expect([status, committed]).deep.equal(['completed', rounds]);
    expect(outcomes.reduce((sum, { accepted }) => sum + accepted, 0)).equal(2 * rounds);
    for (const code of refused)
      expect(code).oneOf(['ROUND_CLOSED', 'ROUND_NOT_OPEN', 'STALE_UPDATE', 'WRONG_STATE']);
  });
});
