import { expect } from 'chai';
import { metricsPointSchema, roundViewSchema } from '../../../src/protocol/views.js';
import { vectorDigest } from '../../../src/aggregation/report.js';
import { ManualClock } from '../../support/coordinator/manualClock.js';
import { nodeName, type Scene, scene, sendAll, SESSION, updateOf } from '../../support/coordinator/scene.js';
import { expectRefusal } from '../../support/refusal.js';

const d = 20;

describe('the measuring of a session’s models', () => {
  it('is the coordinator’s where it can', async () => {
    const measured: number[] = [];
    const stage = await scene({
      evaluate: async ({ round, values, digest }, session) => {
        measured.push(round);
        expect(session).equal(SESSION);
        expect(digest).equal(vectorDigest(values));
        return { accuracy: round / 10, broken: NaN };
      },
    });
    await stage.register(2);
    await stage.begin({ quorum: 2, rounds: 9, stopWhen: { metric: 'accuracy', reaches: 0.2 } }, d);
    for (const round of [1, 2]) {
      await stage.opened(round);
      await sendAll(stage, [0, 1], round, d);
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
    await sendAll(stage, [0, 1], 1, d);
    await stage.committed(1);
    expect(stage.errors).deep.equal([failure]);
    await stage.coordinator.close();
  });

  it('reports the mean of the training metrics', async () => {
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
    await sendAll(stage, [0, 1, 2], 1, d);
    await stage.committed(1);
    await evaluate(stage, 0, 1, 0.7);
    await evaluate(stage, 1, 1, 0.9);
    expect(stage.told('round-evaluated')).deep.equal([]);
    await evaluate(stage, 2, 1, 0.8);
    const [told] = stage.told('round-evaluated');
    expect(told).deep.include({ round: 1, session: SESSION });
    expect((told!.metrics as { accuracy: number }).accuracy).equal(0.8);
    expect(stage.coordinator.session(SESSION)).deep.include({ status: 'completed', committed: 1 });
    const [point] = await stage.coordinator.metrics(SESSION, { from: 1, limit: 1 });
    expect(point!.metrics.accuracy).equal(0.8);
    expect((await stage.coordinator.round(SESSION, 1)).metrics.accuracy).equal(0.8);
    await stage.coordinator.close();
  });

  it('reports what most nodes measure, in the documented shape, whatever a liar sends', async () => {
    const stage = await scene();
    await stage.register(4);
    await stage.begin({ quorum: 4, rounds: 1 }, d);
    const names = Array.from({ length: 12 }, (_, i) => `metric-${i}`);
    const honest = Object.fromEntries(names.map((name) => [name, 0.5]));
    const madeUp = Object.fromEntries(Array.from({ length: 32 }, (_, i) => ['a'.repeat(32 + i), 1e308]));
    const metricsOf = (node: number) => (node === 3 ? madeUp : honest);
    for (const node of [0, 1, 2, 3]) {
      await stage.send(node, 1, updateOf(node, 1, d), { metrics: metricsOf(node) });
    }
    await stage.committed(1);
    for (const node of [0, 1, 2, 3]) {
      const evaluation = { metrics: metricsOf(node), numExamples: null };
      await stage.coordinator.receiveEvaluation(SESSION, 1, nodeName(node), evaluation);
    }
    const [point] = await stage.coordinator.metrics(SESSION, { from: 1, limit: 1 });
    expect(metricsPointSchema.parse(point)).deep.equal(point);
    expect(Object.keys(point!.metrics)).lengthOf(32 + 2 * 32);
    for (const name of names) {
      expect(point!.metrics).include({ [`train.${name}`]: 0.5, [name]: 0.5, [`${name}.mean`]: 0.5 });
    }
    const round = await stage.coordinator.round(SESSION, 1);
    expect(roundViewSchema.parse(round)).deep.equal(round);
    await stage.coordinator.close();
  });

  it('ends with the next commit', async () => {
    const stage = await scene();
    await stage.register(3);
    await stage.begin({ quorum: 2, rounds: 2 }, d);
    await sendAll(stage, [0, 1, 2], 1, d);
    await stage.committed(1);
    for (const node of [0, 1]) await evaluate(stage, node, 1, 0.7);
    await sendAll(stage, [0, 1, 2], 2, d);
    await stage.committed(2);
    const [told] = stage.told('round-evaluated', 'round-committed').slice(1);
    expect(told).deep.include({ type: 'round-evaluated', round: 1 });
    await expectRefusal(() => evaluate(stage, 2, 1, 0.9), 'ROUND_CLOSED');
    await expectRefusal(() => evaluate(stage, 2, 3, 0.9), 'ROUND_NOT_OPEN');
    await stage.coordinator.close();
  });

  it('reports nothing below a quorum, which attackers alone could fill', async () => {
    const stage = await scene();
    await stage.register(3);
    await stage.begin({ quorum: 3, rounds: 9, stopWhen: { metric: 'accuracy', reaches: 0.8 } }, d);
    await sendAll(stage, [0, 1, 2], 1, d);
    await stage.committed(1);
    for (const node of [0, 1]) await evaluate(stage, node, 1, 1);
    await sendAll(stage, [0, 1, 2], 2, d);
    await stage.committed(2);
    expect(stage.told('round-evaluated')).deep.equal([]);
    expect(stage.coordinator.session(SESSION).status).equal('running');
    const points = await stage.coordinator.metrics(SESSION, { from: 1, limit: 2 });
    expect(points.map(({ metrics }) => metrics)).deep.equal([{}, {}]);
    await expectRefusal(() => evaluate(stage, 2, 1, 0.9), 'ROUND_CLOSED');
    await stage.coordinator.close();
  });

  it('goes on after the last round, until its deadline', async () => {
    const clock = new ManualClock();
    const stage = await scene({ clock });
    await stage.register(3);
    await stage.begin({ quorum: 2, rounds: 1, deadlineMs: 500 }, d);
    await sendAll(stage, [0, 1, 2], 1, d);
    await stage.committed(1);
    for (const node of [0, 1]) await evaluate(stage, node, 1, 0.7);
    expect(stage.told('round-evaluated')).length(0);
    clock.advance(500);
    await stage.event(({ type }) => type === 'round-evaluated');
    expect(stage.told('round-evaluated')).length(1);
    await stage.coordinator.close();
  });
});
