import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { createRandom } from '../../src/core/random.js';
import { quantile } from '../../src/rounds/deadline.js';
import { measured, quantilesMs } from './measured.js';
import { seedOf } from './seed.js';
import { isStatus, startSystem, type System } from './system.js';

const HEARTBEAT_MS = 500;
const SUSPECT_AFTER = 2;
const LOST_AFTER = 4;
const KILLS = 50;
/** Killed in each wave, then started again. */
const NODES = 10;
const SEED = 7;

describe('a node whose process is killed', () => {
  let system: System;

  beforeEach(async () => {
    const settings = { 'liveness.suspectAfter': SUSPECT_AFTER, 'liveness.lostAfter': LOST_AFTER };
    system = await startSystem({ heartbeatMs: HEARTBEAT_MS, settings });
  });
  afterEach(() => system.stop());

  const report = (what: string, latenciesMs: readonly number[]): void => {
    const { p50Ms, p99Ms, maxMs } = quantilesMs(latenciesMs);
    measured(
      `${what}: p50 ${p50Ms} ms, p99 ${p99Ms} ms, max ${maxMs} ms over ${KILLS} kills (heartbeat ${HEARTBEAT_MS} ms)`,
      { p50Ms, p99Ms, maxMs, heartbeatMs: HEARTBEAT_MS },
    );
  };

  it('is suspected, then taken for lost, each time', async () => {
    await system.createSession({ pipeline: 'mean', quorum: 1 }, 10);
    const random = createRandom(seedOf(SEED));
    const suspectMs: number[] = [];
    const lostMs: number[] = [];
    for (let wave = 0; wave < KILLS / NODES; wave++) {
      const since = system.log.last;
      const nodes = Array.from({ length: NODES }, (_, node) => system.startNode(node));
      await system.present(nodes, since);
      await Promise.all(
        nodes.map(async (node) => {
          // At any moment between two heartbeats.
          await pause(random.uniform() * 2 * HEARTBEAT_MS);
          const before = system.log.last;
          const killedMs = await node.kill();
          const lost = await system.becomes(node.id, 'lost', before);
          const suspect = system.log.all((event) => isStatus(event, node.id, 'suspect')).at(-1)!;
          suspectMs.push(suspect.atMs - killedMs);
          lostMs.push(lost.atMs - killedMs);
        }),
      );
    }
    report(`suspect after ${SUSPECT_AFTER} missed heartbeats`, suspectMs);
    report(`lost after ${LOST_AFTER} missed heartbeats`, lostMs);
    expect([suspectMs.length, lostMs.length]).deep.equal([KILLS, KILLS]);
    // On however busy a machine: the count goes on from the last sign of life, not from anything later.
    expect(quantile(lostMs, 0.5)).within(0, 4 * LOST_AFTER * HEARTBEAT_MS);
    expect(quantile(suspectMs, 0.5)).lessThan(quantile(lostMs, 0.5));
  });
});
