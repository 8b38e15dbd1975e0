/** 8. Nodes that break the protocol: the rounds go on, and their results are what the rule makes of what was taken. */
import { expect } from 'chai';
import { joinSession } from '../../src/client/index.js';
import { nextModel } from '../../src/coordinator/session/nextModel.js';
import { planSession } from '../../src/coordinator/session/sessionPlan.js';
import { arraySource } from '../../src/core/source.js';
import { aggregate, type OptimizerState, parsePipeline } from '../../src/index.js';
import { gate } from '../support/coordinator/gate.js';
import { bytesOf, sha256 } from '../support/storeData.js';
import { attackers, type AttackOptions, type AttackReport, attacksOf, FLOODER } from './attacks.js';
import { measured, quantilesMs } from './measured.js';
import { type Sender, startSender } from './report.js';
import { ENROLLMENT_TOKEN, nodeName, SESSION, startSystem, type System } from './system.js';
import { updateOf } from './trainer.js';

const ROUNDS = 8;
const HONEST = 7;
const D = 1000;
const SYBILS = 2000;
const honest = Array.from({ length: HONEST }, (_, node) => node);
const lossOf = (node: number): number => 1 + node / 100;

describe('nodes that break the protocol', () => {
  let system: System;
  let attack: Sender<AttackReport> | undefined;

  beforeEach(async () => {
    system = await startSystem({
      tokens: true,
      settings: {
        'limits.headersTimeoutMs': 2000,
        'limits.bodyStallMs': 1000,
        'limits.socketPingMs': 3000,
        'limits.requestsPerMinute.node': 1000,
      },
    });
  });
  afterEach(async () => {
    attack?.child.kill('SIGKILL');
    await system.stop();
  });

  it('stop no round, and change no result beyond what the rule allows', async () => {
    const config = {
      pipeline: `trimmed-mean(f=${attackers.length})`,
      quorum: HONEST,
      rounds: ROUNDS,
      deadlineMs: 60_000,
    };
    await system.startSession(config, D);
    const tokens: Record<string, string> = {};
    for (const id of [...attackers, FLOODER]) {
      const sessions = id === FLOODER ? [] : [SESSION];
      tokens[id] = (await system.client.registerNode({ id, sessions })).token!;
    }
    const given = {
      server: system.url,
      enrollmentToken: ENROLLMENT_TOKEN,
      tokens,
      victim: nodeName(0),
      d: D,
      sybils: SYBILS,
    };
    // Honest nodes send last, or on a busy machine there might be no attack on an open round at all.
    const attacked = new Map(Array.from({ length: ROUNDS }, (_, index) => [index + 1, gate()] as const));
    attack = startSender('./attackers.js', given satisfies AttackOptions, (round) => {
      attacked.get(Number(round))?.open();
    });

    const acknowledgedMs: number[] = [];
    const refused: string[] = [];
    const joined = honest.map((node) => {
      let trainedAtMs = 0;
      return joinSession({
        server: system.url,
        session: SESSION,
        node: nodeName(node),
        enrollmentToken: ENROLLMENT_TOKEN,
        train: async ({ round }) => {
          await attacked.get(round)!.opened;
          trainedAtMs = performance.now();
          return { update: updateOf(node, round, D), numExamples: 1 };
        },
        evaluate: () => ({ metrics: { loss: lossOf(node) } }),
        onEvent: (event) => {
          if (event.type === 'accepted') acknowledgedMs.push(performance.now() - trainedAtMs);
          if (event.type === 'refused') refused.push(`${nodeName(node)}: ${event.code}: ${event.message}`);
        },
      });
    });
    expect(await system.ended()).equal('completed');
    const report = await attack.report;

    expectAnswers(report);
    expect(refused.filter((text) => !/has evaluated|no more evaluations/.test(text))).deep.equal([]);
    for (const { accepted } of await Promise.all(joined)) expect(accepted).equal(ROUNDS);
    await expectResults();
    await expectMetrics();
    const failures = system.log.all(({ type }) => type === 'round-failed');
    expect(failures).deep.equal([]);
    const tried = Object.values(report).reduce((sum, times) => sum + times, 0);
    const { p50Ms, p99Ms, maxMs } = quantilesMs(acknowledgedMs);
    measured(
      `${ROUNDS} rounds of ${HONEST} honest nodes among ${attackers.length} attackers, a flooder and ${SYBILS} that only ` +
        `registered; ${tried} attempts; an honest update's acknowledgement: p50 ${p50Ms.toFixed(1)} ms, ` +
        `p99 ${p99Ms.toFixed(1)} ms, at most ${maxMs.toFixed(1)} ms`,
      { rounds: ROUNDS, attempts: tried, p50Ms, p99Ms, maxMs },
    );
  });

  /** What was tried was answered as it should be, and nothing with a fault of the server's own. */
  function expectAnswers(report: AttackReport): void {
    const answersTo = (what: string): string[] =>
      Object.keys(report)
        .filter((key) => key.startsWith(`${what}: `))
        .map((key) => key.slice(what.length + 2));
    const only = (what: string, ...answers: string[]) => {
      const got = answersTo(what);
      expect(got, what).not.deep.equal([]);
      // On a busy machine an attacker may be slow enough to be cut off.
      expect([...answers, 'lost'], what).include.members(got);
    };
    const late = ['409 ROUND_CLOSED', '409 ROUND_NOT_OPEN'];
    for (const key of Object.keys(report)) expect(key).not.match(/: 5\d\d/);
    // The next round may have opened meanwhile: then a replay is this node's update for it, and its own conflicts.
    const replayed = ['202', '200', '409 CONFLICTING_UPDATE', ...late];
    only('sends', ...replayed);
    only('sends the same again', ...replayed);
    only('sends the same for the next round', ...replayed);
    only('sends the last round’s again', ...replayed);
    only('speaks for another', '403 NOT_YOUR_NODE', '401 UNAUTHORIZED');
    only('removes another', '403 NOT_YOUR_NODE');
    only('stops the session', '403 FORBIDDEN');
    only('equivocates', '202', '409 CONFLICTING_UPDATE', ...late);
    only('equivocates again', '409 CONFLICTING_UPDATE', ...late);
    only('sends for a wrong round', '400 INVALID_PARAMETER', '202', '200', ...late);
    only('lies about examples', '400 INVALID_PARAMETER');
    only('sends odd metrics', '400 INVALID_PARAMETER', '400 MALFORMED');
    only('sends what is not finite', '422 NON_FINITE', ...late);
    only('sends the largest of all', '202', '200', ...late);
    only('floods', '200', '429 RATE_LIMITED');
    only('registers', '201');
    for (const what of [
      'equivocates: 202',
      'equivocates: 409 CONFLICTING_UPDATE',
      'floods: 429 RATE_LIMITED',
      'sends the largest of all: 202',
    ]) {
      expect(report[what], what).greaterThan(0);
    }
    expect(report['equivocates: 202']).most(ROUNDS);
    for (const what of ['slow head', 'slow body', 'slow update', 'idle', 'deaf event socket']) {
      expect(report[`${what}: cut off`], what).equal(report[`${what}: held`]);
    }
  }

  /** Each round again, from what its record names. */
  async function expectResults(): Promise<void> {
    const { recipe } = planSession((await system.client.session(SESSION)).config);
    let model: Float32Array = new Float32Array(D);
    let optimizer: OptimizerState | null = null;
    for (let round = 1; round <= ROUNDS; round++) {
      const record = await system.client.round(SESSION, round);
      const rows = record.updates.map(({ node, digest }) => {
        const known = attacksOfOrHonest(node, round).find((one) => sha256(bytesOf(one)) === digest);
        return known ?? expect.fail(`${node} has something else in round ${round}`);
      });
      const theirs = honest.map((node) => updateOf(node, round, D));
      expect(record.updates.map(({ node }) => node)).include.members(honest.map(nodeName));
      const { value } = await aggregate(rows, parsePipeline(`trimmed-mean(f=${attackers.length})`));
      for (const [k, one] of value.entries()) {
        const values = theirs.map((row) => row[k]!);
        expect(one).within(Math.min(...values), Math.max(...values));
      }
      const next = await nextModel(recipe, {
        round,
        model,
        optimizer,
        rows: arraySource(rows),
        facts: record.updates,
      });
      expect(record.modelDigest).equal(sha256(bytesOf(next.model)));
      ({ model, optimizer } = next);
    }
  }

  function attacksOfOrHonest(node: string, round: number): Float32Array[] {
    return node.startsWith('x-')
      ? attacksOf(node, round, D)
      : [updateOf(Number(node.replace('node-', '')), round, D)];
  }

  /** The announced value is the majority's, whatever a few send. No one waits for the last round's. */
  async function expectMetrics(): Promise<void> {
    const points = await system.client.metrics(SESSION);
    const earlier = points.filter(({ round }) => round >= 1 && round < ROUNDS);
    expect(earlier).lengthOf(ROUNDS - 1);
    for (const { metrics } of earlier) expect(metrics.loss).within(lossOf(0), lossOf(HONEST - 1));
  }
});
