import { expect } from 'chai';
import type { SessionConfigInput } from '../../../src/protocol/sessionConfig.js';
import { aggregate } from '../../../src/aggregation/aggregate.js';
import { planSession } from '../../../src/coordinator/session/sessionPlan.js';
import { fedAvg } from '../../../src/optimizers/fedAvg.js';
import { optimize } from '../../../src/optimizers/optimize.js';
import { vectorDigest } from '../../../src/aggregation/report.js';
import { restore, step } from '../../../src/rounds/machine.js';
import type { SessionEvent, SessionState } from '../../../src/rounds/state.js';
import { mean } from '../../../src/rules/mean.js';
import { directRun } from '../../support/coordinator/directRun.js';
import { ManualClock } from '../../support/coordinator/manualClock.js';
import {
  nodeName,
  type Scene,
  scene,
  sendAll,
  SESSION,
  startModel,
  testEngine,
  updateOf,
} from '../../support/coordinator/scene.js';
import { expectRefusal } from '../../support/refusal.js';

const d = 20;

async function runAll(stage: Scene, nodes: readonly number[], rounds: number): Promise<string[]> {
  const digests = [stage.coordinator.session(SESSION).model!.digest];
  for (let round = 1; round <= rounds; round++) {
    await stage.opened(round);
    await sendAll(stage, nodes, round, d);
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
    await Promise.all(updates.map((update, i) => stage.send(i, 1, update, { numExamples: told[i]! })));
    await stage.committed(1);
    const engine = testEngine();
    const { value } = await aggregate(updates, mean({ weights: [10, 50, 1] }), { engine });
    const { model } = await optimize(startModel(d), value, fedAvg(), undefined, { engine });
    expect(stage.coordinator.session(SESSION).model!.digest).equal(vectorDigest(model));
    await stage.coordinator.close();
  });

  it('replays from its events to the same state', async () => {
    const seen: { event: SessionEvent; state: SessionState }[] = [];
    const clock = new ManualClock();
    const stage = await scene({ clock, onStep: (_session, event, state) => seen.push({ event, state }) });
    await stage.register(4);
    const config = { id: SESSION, pipeline: 'median', quorum: 3, rounds: 3, deadlineMs: 1000 };
    await stage.begin({ ...config, adaptiveDeadline: {}, exclude: { rounds: 2 } }, d);
    await sendAll(stage, [0, 1, 2, 3], 1, d);
    await stage.committed(1);
    await expectRefusal(() => stage.send(0, 1, updateOf(9, 1, d)), 'CONFLICTING_UPDATE');
    await sendAll(stage, [0, 1, 2], 2, d);
    clock.advance(1000); // node 3 is late
    await stage.committed(2);
    await stage.coordinator.removeNode(nodeName(3));
    clock.advance(1000); // round 3 fails
    clock.advance(1000); // and is tried again
    await sendAll(stage, [0, 1, 2], 3, d);
    await stage.committed(3);
    await stage.coordinator.close();

    const { policy } = planSession({ ...config, adaptiveDeadline: {}, exclude: { rounds: 2 } });
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
    await sendAll(stage, [0, 1], 1, d);
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
    expect(stage.coordinator.session(SESSION).model!.digest).equal(vectorDigest(two.model));

    await expectRefusal(() => stage.send(3, 1, updateOf(3, 1, d)), 'STALE_UPDATE');
    await stage.coordinator.close();
  });

  it('recognizes an update of a committed buffer by the round it was trained for', async () => {
    const stage = await scene();
    await stage.register(3);
    await stage.begin({ quorum: 2, rounds: 5, mode: { buffered: { bufferSize: 2, maxStaleness: 3 } } }, d);
    await sendAll(stage, [0, 1], 1, d);
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
