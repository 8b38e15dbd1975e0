import { expect } from 'chai';
import type { SessionConfigInput } from '../../src/protocol/session.js';
import { aggregate } from '../../src/aggregate.js';
import { planOf } from '../../src/coordinator/policy.js';
import { fedAvg } from '../../src/optimizers/fedAvg.js';
import { optimize } from '../../src/optimizers/optimize.js';
import { digestOf } from '../../src/report.js';
import { restore, step } from '../../src/rounds/session.js';
import type { SessionEvent, SessionState } from '../../src/rounds/state.js';
import { mean } from '../../src/rules/mean.js';
import { directRun } from '../support/coordinator/directRun.js';
import { ManualClock } from '../support/coordinator/manualClock.js';
import {
  nodeName,
  type Scene,
  scene,
  SESSION,
  startModel,
  testEngine,
  updateOf,
} from '../support/coordinator/scene.js';
import { expectRefusal } from '../support/refusal.js';

const d = 20;

/** All of these nodes' updates for a round, at once. */
const sendAll = (stage: Scene, nodes: readonly number[], round: number) =>
  Promise.all(nodes.map((node) => stage.send(node, round, updateOf(node, round, d))));

async function runAll(stage: Scene, nodes: readonly number[], rounds: number): Promise<string[]> {
  const digests = [stage.coordinator.session(SESSION).model!.digest];
  for (let round = 1; round <= rounds; round++) {
    await stage.opened(round);
    await sendAll(stage, nodes, round);
    await stage.committed(round);
    digests.push(stage.coordinator.session(SESSION).model!.digest);
  }
  return digests;
}

describe('a run of a session', () => {
  const nodes = [0, 1, 2, 3, 4];
  const cases: Record<string, Partial<SessionConfigInput> & { rate?: (round: number) => number }> = {
    'deltas, fed-avg': { optimizer: 'fed-avg' },
    'deltas, fed-avg-m': { optimizer: 'fed-avg-m(beta=0.8)' },
    'deltas, fed-adagrad': { optimizer: 'fed-adagrad' },
    'deltas, fed-adam': { optimizer: 'fed-adam(eta=0.05)' },
    'deltas, fed-yogi': { optimizer: 'fed-yogi' },
    'gradients at a rate that falls': {
      updates: 'gradient',
      learningRate: { first: 0.4, decay: 'linear' },
      rate: (round) => (0.4 * (4 - round + 1)) / 4,
    },
    'gradients at one rate, fed-adam': {
      updates: 'gradient',
      optimizer: 'fed-adam',
      learningRate: 0.25,
      rate: () => 0.25,
    },
    weights: { updates: 'weights' },
    'a pipeline': { pipeline: 'nnm(f=1) > trimmed-mean(f=1)' },
    'a bucketing pipeline': { pipeline: 'bucketing(s=2, seed=3) > median' },
  };
  for (const [name, { rate, ...config }] of Object.entries(cases)) {
    it(`ends with the same bits as a run in this process: ${name}`, async () => {
      const stage = await scene();
      await stage.register(5);
      await stage.begin({ quorum: 5, rounds: 4, pipeline: 'krum(f=1)', ...config }, d);
      const digests = await runAll(stage, nodes, 4);
      const direct = await directRun(
        {
          pipeline: config.pipeline ?? 'krum(f=1)',
          optimizer: config.optimizer ?? 'fed-avg',
          updates: config.updates ?? 'delta',
          ...(rate ? { rate } : {}),
          rounds: 4,
          start: startModel(d),
          rows: (round) => nodes.map((node) => updateOf(node, round, d)),
        },
        testEngine(),
      );
      expect(digests).deep.equal(direct);
      expect(new Set(digests).size).equal(5);
      expect(stage.coordinator.session(SESSION)).deep.include({ status: 'completed', committed: 4 });
      expect(stage.errors).deep.equal([]);
      await stage.coordinator.close();
    });
  }

  it('takes rows in the order of the nodes’ ids, in whatever order they come', async () => {
    const digests: string[] = [];
    for (const order of [nodes, nodes.toReversed()]) {
      const stage = await scene();
      await stage.register(5);
      await stage.begin({ quorum: 5, rounds: 1, pipeline: 'monna(f=1, pivot=0)' }, d);
      for (const node of order) await stage.send(node, 1, updateOf(node, 1, d));
      await stage.committed(1);
      digests.push(stage.coordinator.session(SESSION).model!.digest);
      await stage.coordinator.close();
    }
    expect(digests[1]).equal(digests[0]);
  });

  it('weights the mean by capped examples', async () => {
    const stage = await scene();
    await stage.register(3);
    await stage.begin({ quorum: 3, rounds: 1, weighting: { examplesUpTo: 50 } }, d);
    const told = [10, 5000, null];
    const updates = [0, 1, 2].map((node) => updateOf(node, 1, d));
    await Promise.all(updates.map((update, i) => stage.send(i, 1, update, { numExamples: told[i] })));
    await stage.committed(1);
    const engine = testEngine();
    const { value } = await aggregate(updates, mean({ weights: [10, 50, 1] }), { engine });
    const { model } = await optimize(startModel(d), value, fedAvg(), undefined, { engine });
    expect(stage.coordinator.session(SESSION).model!.digest).equal(digestOf(model));
    await stage.coordinator.close();
  });

  it('replays from its events to the same state', async () => {
    const seen: { event: SessionEvent; state: SessionState }[] = [];
    const clock = new ManualClock();
    const stage = await scene({ clock, onStep: (_session, event, state) => seen.push({ event, state }) });
    await stage.register(4);
    const config = { id: SESSION, pipeline: 'median', quorum: 3, rounds: 3, deadlineMs: 1000 };
    await stage.begin({ ...config, adaptiveDeadline: {}, exclude: { rounds: 2 } }, d);
    await sendAll(stage, [0, 1, 2, 3], 1);
    await stage.committed(1);
    await expectRefusal(() => stage.send(0, 1, updateOf(9, 1, d)), 'CONFLICTING_UPDATE');
    await sendAll(stage, [0, 1, 2], 2);
    clock.advance(1000); // node 3 is late
    await stage.committed(2);
    await stage.coordinator.removeNode(nodeName(3));
    clock.advance(1000); // round 3 fails
    clock.advance(1000); // and is tried again
    await sendAll(stage, [0, 1, 2], 3);
    await stage.committed(3);
    await stage.coordinator.close();

    const { policy } = planOf({ ...config, adaptiveDeadline: {}, exclude: { rounds: 2 } });
    const nodes = [0, 1, 2, 3].map(nodeName);
    let state = restore(null, { status: 'created', reason: null, committed: 0, nodes });
    for (const [i, record] of (JSON.parse(JSON.stringify(seen)) as typeof seen).entries()) {
      ({ state } = step(policy, state, record.event));
      expect(state, `after event ${i}, ${record.event.type}`).deep.equal(record.state);
    }
    const kinds = new Set(seen.map(({ event }) => event.type));
    expect([...kinds]).include.members(['start', 'update-stored', 'update-refused', 'committed', 'tick']);
    expect(state).deep.include({ status: 'completed', committed: 3 });
  });
});

describe('a buffered session', () => {
  it('takes updates from older models, scaled by their staleness', async () => {
    const stage = await scene();
    await stage.register(4);
    await stage.begin({ quorum: 2, rounds: 3, mode: { buffered: { bufferSize: 2, maxStaleness: 1 } } }, d);
    await sendAll(stage, [0, 1], 1);
    await stage.committed(1);
    const late = await stage.send(2, 1, updateOf(2, 1, d));
    expect(late).deep.include({ round: 2, staleness: 1, repeated: false, accepted: 1, quorum: 2 });
    await stage.send(0, 2, updateOf(0, 2, d));
    await stage.committed(2);

    const engine = testEngine();
    const scale = Math.fround(1 / Math.sqrt(2));
    const first = await aggregate([updateOf(0, 1, d), updateOf(1, 1, d)], mean(), { engine });
    const one = await optimize(startModel(d), first.value, fedAvg(), undefined, { engine });
    const stale = updateOf(2, 1, d).map((value) => Math.fround(scale * value));
    const second = await aggregate([updateOf(0, 2, d), stale], mean(), { engine });
    const two = await optimize(one.model, second.value, fedAvg(), one.state, { engine });
    expect(stage.coordinator.session(SESSION).model!.digest).equal(digestOf(two.model));

    await expectRefusal(() => stage.send(3, 1, updateOf(3, 1, d)), 'STALE_UPDATE');
    await stage.coordinator.close();
  });

  it('knows an update of a committed buffer again by the round that it was trained for', async () => {
    const stage = await scene();
    await stage.register(3);
    await stage.begin({ quorum: 2, rounds: 5, mode: { buffered: { bufferSize: 2, maxStaleness: 3 } } }, d);
    await sendAll(stage, [0, 1], 1);
    await stage.committed(1);
    await stage.send(2, 1, updateOf(2, 1, d));
    await stage.send(0, 2, updateOf(0, 2, d));
    await stage.committed(2);
    const again = await stage.send(2, 1, updateOf(2, 1, d));
    expect(again).deep.include({ round: 2, staleness: 1, repeated: true });
    await expectRefusal(() => stage.send(2, 1, updateOf(2, 2, d)), 'CONFLICTING_UPDATE');
    await stage.coordinator.close();
  });
});

describe('a session’s rounds', () => {
  it('ask a seeded sample, and refuse the others', async () => {
    const stage = await scene();
    await stage.register(6);
    await stage.begin({ quorum: 2, rounds: 2, selection: { sample: 2, seed: 5 } }, d);
    const { body } = await stage.opened(1);
    const asked = body.asked as string[];
    expect(asked).length(2);
    const other = [0, 1, 2, 3, 4, 5].map(nodeName).find((node) => !asked.includes(node))!;
    await expectRefusal(() => stage.send(other, 1, updateOf(9, 1, d)), 'NOT_ASKED');
    for (const node of asked) await stage.send(node, 1, updateOf(1, 1, d));
    await stage.committed(1);
    const { nodes } = stage.coordinator.session(SESSION);
    expect(nodes.find(({ node }) => node === other)).deep.include({
      roundsAsked: 0,
      refused: { NOT_ASKED: 1 },
    });
    await stage.coordinator.close();
  });

  it('close at the deadline with a quorum', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(4);
    await stage.begin({ quorum: 2, rounds: 1, deadlineMs: 500 }, d);
    await sendAll(stage, [0, 1, 2], 1);
    clock.advance(499);
    expect(stage.coordinator.session(SESSION).round?.phase).equal('collecting');
    clock.advance(1);
    await stage.committed(1);
    expect(stage.told('round-closed')).deep.equal([
      { type: 'round-closed', round: 1, updates: 3, session: SESSION },
    ]);
    await stage.coordinator.close();
  });

  it('fail at the deadline without a quorum, and are tried again with fresh updates', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(3);
    await stage.begin({ quorum: 3, rounds: 1, deadlineMs: 500, retry: { firstMs: 100 } }, d);
    await sendAll(stage, [0, 1], 1);
    clock.advance(500);
    expect(stage.told('round-failed')).deep.include.members([
      {
        type: 'round-failed',
        round: 1,
        attempt: 1,
        code: 'TOO_FEW_UPDATES',
        message: '2 updates came in 500 ms; the quorum is 3.',
        session: SESSION,
      },
    ]);
    await expectRefusal(() => stage.send(2, 1, updateOf(2, 1, d)), 'ROUND_NOT_OPEN');
    clock.advance(100);
    await stage.opened(1, 2);
    // Another update than in the first attempt is no conflict.
    await Promise.all([0, 1, 2].map((node) => stage.send(node, 1, updateOf(node + 10, 1, d))));
    await stage.committed(1);
    const { updates, attempt } = await stage.coordinator.round(SESSION, 1);
    expect(attempt).equal(2);
    expect(updates.map(({ digest }) => digest)).deep.equal(
      [0, 1, 2].map((node) => digestOf(updateOf(node + 10, 1, d))),
    );
    await stage.coordinator.close();
  });

  it('end the session after their last attempt', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(2);
    await stage.begin({ quorum: 2, deadlineMs: 500, retry: { attempts: 1 } }, d);
    clock.advance(500);
    expect(stage.coordinator.session(SESSION).status).equal('failed');
    expect(stage.coordinator.session(SESSION).reason).contain('Round 1 failed');
    await stage.coordinator.close();
  });

  it('learn their deadline from response times', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(3);
    const adaptiveDeadline = { quantile: 1, slack: 2, leastMs: 10 };
    await stage.begin({ quorum: 2, rounds: 2, deadlineMs: 10_000, adaptiveDeadline }, d);
    clock.advance(100);
    await sendAll(stage, [0, 1, 2], 1);
    await stage.committed(1);
    const { body } = await stage.opened(2);
    expect(body.deadlineAtMs).equal(clock.now() + 200);
    await stage.coordinator.close();
  });

  it('leave out a node that was suspicious too often', async () => {
    const stage = await scene();
    await stage.register(5);
    await stage.begin(
      { quorum: 4, rounds: 4, pipeline: 'median', exclude: { rounds: 2, suspicion: 0.9 } },
      d,
    );
    for (const round of [1, 2]) {
      await stage.opened(round);
      await sendAll(stage, [0, 1, 2, 3], round);
      await stage.send(4, round, new Float32Array(d).fill(1000));
      await stage.committed(round);
    }
    expect(stage.told('node-excluded')).deep.equal([
      { type: 'node-excluded', node: nodeName(4), round: 2, session: SESSION },
    ]);
    await expectRefusal(() => stage.send(4, 3, updateOf(4, 3, d)), 'NODE_EXCLUDED');
    await sendAll(stage, [0, 1, 2, 3], 3); // complete without it
    await stage.committed(3);
    const metrics = await stage.coordinator.metrics(SESSION, { from: 2, limit: 1 });
    expect(metrics[0].maxSuspicion).above(0.9);
    await stage.coordinator.close();
  });

  it('wait for nodes that were lost, and go on when they are back', async () => {
    const clock = new ManualClock();
    const liveness = { heartbeatMs: 100, suspectAfter: 2, lostAfter: 4 };
    const stage = await scene({ clock, liveness });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 2, deadlineMs: 60_000 }, d);
    await sendAll(stage, [0, 1], 1);
    await stage.committed(1);
    await stage.opened(2);
    clock.advance(399);
    stage.coordinator.heartbeat(nodeName(0));
    clock.advance(1);
    expect(stage.coordinator.node(nodeName(1)).status).equal('lost');
    expect(stage.coordinator.session(SESSION).nodes.map(({ present }) => present)).deep.equal([true, false]);
    expect(stage.coordinator.heartbeat(nodeName(1)).status).equal('healthy');
    await sendAll(stage, [0, 1], 2);
    await stage.committed(2);
    await stage.coordinator.close();
  });

  it('commit what is under way through a pause, and open no other', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 2 }, d);
    await stage.send(0, 1, updateOf(0, 1, d));
    expect((await stage.coordinator.pause(SESSION)).status).equal('paused');
    await stage.send(1, 1, updateOf(1, 1, d));
    await stage.committed(1);
    expect(stage.coordinator.session(SESSION).round?.phase).equal('waiting');
    await expectRefusal(() => stage.send(0, 2, updateOf(0, 2, d)), 'ROUND_NOT_OPEN');
    await stage.coordinator.resume(SESSION);
    await sendAll(stage, [0, 1], 2);
    await stage.committed(2);
    await stage.coordinator.close();
  });

  it('are discarded when the session is stopped', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2 }, d);
    await stage.send(0, 1, updateOf(0, 1, d));
    expect((await stage.coordinator.stop(SESSION)).status).equal('stopped');
    await expectRefusal(() => stage.send(1, 1, updateOf(1, 1, d)), 'ROUND_CLOSED');
    await expectRefusal(() => stage.coordinator.update(SESSION, 1, nodeName(0)), 'UNKNOWN_ROUND');
    await stage.coordinator.close();
  });
});

describe('the measuring of a session’s models', () => {
  it('is the coordinator’s where it can', async () => {
    const measured: number[] = [];
    const stage = await scene({
      evaluate: async ({ round, values, digest }, session) => {
        measured.push(round);
        expect(session).equal(SESSION);
        expect(digest).equal(digestOf(values));
        return { accuracy: round / 10, broken: NaN };
      },
    });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 9, stopWhen: { metric: 'accuracy', reaches: 0.2 } }, d);
    for (const round of [1, 2]) {
      await stage.opened(round);
      await sendAll(stage, [0, 1], round);
      const { body } = await stage.committed(round);
      expect(body.metrics).deep.equal({ accuracy: round / 10 });
    }
    expect(stage.coordinator.session(SESSION)).deep.include({ status: 'completed', committed: 2 });
    expect(stage.coordinator.session(SESSION).reason).contain('accuracy');
    expect(measured).deep.equal([1, 2]);
    await stage.coordinator.close();
  });

  it('may fail without harm to the round', async () => {
    const failure = new Error('no data');
    const stage = await scene({
      evaluate: () => {
        throw failure;
      },
    });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 1 }, d);
    await sendAll(stage, [0, 1], 1);
    await stage.committed(1);
    expect(stage.errors).deep.equal([failure]);
    await stage.coordinator.close();
  });

  it('tells the mean of what nodes measured in training', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 1 }, d);
    await stage.send(0, 1, updateOf(0, 1, d), { metrics: { loss: 1, accuracy: 0.5 } });
    await stage.send(1, 1, updateOf(1, 1, d), { metrics: { loss: 3 } });
    const { body } = await stage.committed(1);
    expect(body.metrics).deep.equal({ 'train.loss': 2, 'train.accuracy': 0.5 });
    await stage.coordinator.close();
  });

  const evaluate = (stage: Scene, node: number, round: number, accuracy: number) =>
    stage.coordinator.receiveEvaluation(SESSION, round, nodeName(node), {
      metrics: { accuracy },
      numExamples: null,
    });

  it('is complete when all nodes that are there have answered', async () => {
    const stage = await scene();
    await stage.register(3);
    await stage.begin({ quorum: 3, rounds: 2, stopWhen: { metric: 'accuracy', reaches: 0.8 } }, d);
    await sendAll(stage, [0, 1, 2], 1);
    await stage.committed(1);
    await evaluate(stage, 0, 1, 0.7);
    await evaluate(stage, 1, 1, 0.9);
    expect(stage.told('round-evaluated')).deep.equal([]);
    await evaluate(stage, 2, 1, 0.8);
    const [told] = stage.told('round-evaluated');
    expect(told).deep.include({ round: 1, session: SESSION });
    expect((told.metrics as { accuracy: number }).accuracy).equal(0.8);
    expect(stage.coordinator.session(SESSION)).deep.include({ status: 'completed', committed: 1 });
    const [point] = await stage.coordinator.metrics(SESSION, { from: 1, limit: 1 });
    expect(point.metrics.accuracy).equal(0.8);
    expect((await stage.coordinator.round(SESSION, 1)).metrics.accuracy).equal(0.8);
    await stage.coordinator.close();
  });

  it('ends with the next commit', async () => {
    const stage = await scene();
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 2 }, d);
    await sendAll(stage, [0, 1], 1);
    await stage.committed(1);
    await evaluate(stage, 0, 1, 0.7);
    await sendAll(stage, [0, 1], 2);
    await stage.committed(2);
    const [told] = stage.told('round-evaluated', 'round-committed').slice(1);
    expect(told).deep.include({ type: 'round-evaluated', round: 1 });
    await expectRefusal(() => evaluate(stage, 1, 1, 0.9), 'ROUND_CLOSED');
    await expectRefusal(() => evaluate(stage, 1, 3, 0.9), 'ROUND_NOT_OPEN');
    await stage.coordinator.close();
  });

  it('goes on after the last round, until its deadline', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 1, deadlineMs: 500 }, d);
    await sendAll(stage, [0, 1], 1);
    await stage.committed(1);
    await evaluate(stage, 0, 1, 0.7);
    expect(stage.told('round-evaluated')).length(0);
    clock.advance(500);
    expect(stage.told('round-evaluated')).length(1);
    await stage.coordinator.close();
  });
});
