/** 9. A thousand nodes through twenty rounds: everything that was acknowledged is in its round. */
import { expect } from 'chai';
import { quantile } from '../../src/rounds/deadline.js';
import type { CrowdOptions, CrowdReport } from './crowd.js';
import { measured, quantilesMs } from './measured.js';
import { expectRecomputed } from './recompute.js';
import { type Sender, startSender } from './report.js';
import { nodeName, SESSION, startSystem, type System } from './system.js';

const NODES = 1000;
const ROUNDS = 20;
const D = 10_000;

describe('a thousand nodes', () => {
  let system: System;
  let crowd: Sender<CrowdReport> | undefined;

  beforeEach(async () => {
    system = await startSystem({
      heartbeatMs: 10_000,
      settings: {
        'store.keepCheckpoints': ROUNDS,
        'store.keepRounds': 1,
        'limits.requestsPerMinute.address': null,
      },
    });
  });
  afterEach(async () => {
    crowd?.child.kill('SIGKILL');
    await system.stop();
  });

  it('lose no update of twenty rounds', async function () {
    this.timeout(900_000);
    const config = { pipeline: 'trimmed-mean(f=100)', quorum: NODES, rounds: ROUNDS, deadlineMs: 120_000 };
    await system.startSession(config, D);
    const options: CrowdOptions = { server: system.url, nodes: NODES };
    crowd = startSender('./crowd.js', options);
    const opened = await system.log.until('the first round opens', ({ type }) => type === 'round-opened');
    for (let round = 1; round <= ROUNDS; round++) await system.committed(round);
    expect(await system.ended()).equal('completed');
    const tookMs = Date.now() - opened.atMs;
    const report = await crowd.report;

    expect(report.refused).deep.equal([]);
    expect(report.outcomes.every(({ accepted }) => accepted === ROUNDS)).equal(true);
    const inRounds = await expectRecomputed(system.client);
    const everybody = Array.from({ length: NODES }, (_, node) => nodeName(node)).sort();
    expect(inRounds).deep.equal(Array(ROUNDS).fill(everybody));
    const recorded = inRounds.flatMap((nodes, k) => nodes.map((node) => `${k + 1}/${node}`));
    expect(report.acknowledged.toSorted()).deep.equal(recorded.sort());

    const { p50Ms, p99Ms, maxMs } = quantilesMs(report.acknowledgedMs);
    const rounds = await system.client.rounds(SESSION, { limit: ROUNDS });
    const roundMs = rounds.map(({ openedAtMs, committedAtMs }) => committedAtMs! - openedAtMs!);
    measured(
      `${NODES} nodes, ${ROUNDS} rounds of ${D} parameters in ${(tookMs / 1000).toFixed(1)} s; a round: median ` +
        `${quantile(roundMs, 0.5)} ms; an update's acknowledgement: p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, ` +
        `at most ${maxMs.toFixed(0)} ms; ${report.acknowledged.length} acknowledged, none lost; ${report.retries} retries`,
      {
        nodes: NODES,
        rounds: ROUNDS,
        d: D,
        tookMs,
        p50Ms,
        p99Ms,
        maxMs,
        retries: report.retries,
      },
    );
  });
});
