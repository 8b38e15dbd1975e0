import { expect } from 'chai';
import { Evaluations } from '../../../src/coordinator/session/evaluations.js';
import { expectRefusal } from '../../support/refusal.js';

const of = (accuracy: number, numExamples: number | null = null) => ({ metrics: { accuracy }, numExamples });

describe('Evaluations', () => {
  it('names the median as the metric, beside the mean', () => {
    const evaluations = new Evaluations(3);
    [0.9, 0.8, 0.1].forEach((accuracy, i) => evaluations.add(`n${i}`, 3, of(accuracy)));
    const { accuracy, 'accuracy.mean': mean } = evaluations.summary(null);
    expect(accuracy).equal(0.8);
    expect(mean).closeTo(0.6, 1e-12);
  });

  it('takes the middle of two', () => {
    const evaluations = new Evaluations(1);
    [0.5, 0.25, 4, 0].forEach((accuracy, i) => evaluations.add(`n${i}`, 1, of(accuracy)));
    expect(evaluations.summary(null).accuracy).equal(0.375);
  });

  it('weights the mean by examples up to the cap', () => {
    const evaluations = new Evaluations(1);
    evaluations.add('a', 1, of(1, 10));
    evaluations.add('b', 1, of(0, 1e6));
    evaluations.add('c', 1, of(0));
    expect(evaluations.summary(29)['accuracy.mean']).equal(0.25);
    expect(evaluations.summary(null)['accuracy.mean']).closeTo(1 / 3, 1e-12);
  });

  it('takes each metric over the nodes that measured it', () => {
    const evaluations = new Evaluations(1);
    evaluations.add('a', 1, { metrics: { loss: 2, accuracy: 0.5 }, numExamples: null });
    evaluations.add('b', 1, of(0.25));
    expect(evaluations.summary(null)).deep.include({ loss: 2, 'loss.mean': 2, accuracy: 0.375 });
  });

  it('does not let a reported metric replace a computed mean', () => {
    const evaluations = new Evaluations(1);
    evaluations.add('a', 1, of(0.5));
    evaluations.add('b', 1, of(0.7));
    evaluations.add('c', 1, { metrics: { 'accuracy.mean': 1e308, 'own.mean': 3 }, numExamples: null });
    const summary = evaluations.summary(null);
    expect(summary['accuracy.mean']).closeTo(0.6, 1e-12);
    expect(summary['own.mean']).equal(3);
  });

  it('lets those count alike who all say that they had no examples', () => {
    const evaluations = new Evaluations(1);
    evaluations.add('a', 1, of(1, 0));
    evaluations.add('b', 1, of(0, 0));
    expect(evaluations.summary(10)['accuracy.mean']).equal(0.5);
  });

  it('does not overflow', () => {
    const evaluations = new Evaluations(1);
    evaluations.add('a', 1, of(1.7e308));
    evaluations.add('b', 1, of(1.7e308));
    const { accuracy, 'accuracy.mean': mean } = evaluations.summary(null);
    expect([accuracy, mean]).deep.equal([1.7e308, 1.7e308]);
  });

  it('has all when each of those who are there has answered, and enough altogether', () => {
    const evaluations = new Evaluations(1);
    expect(evaluations.hasAll([], 1)).equal(false);
    evaluations.add('a', 1, of(1));
    expect(evaluations.hasAll(['a', 'b'], 1)).equal(false);
    expect(evaluations.hasAll(['a'], 2)).equal(false);
    expect(evaluations.hasAll(['a'], 1)).equal(true);
  });

  it('takes the same again, whatever the order of its metrics, and nothing else', async () => {
    const evaluations = new Evaluations(2);
    evaluations.add('a', 2, { metrics: { x: 1, y: 2 }, numExamples: 5 });
    evaluations.add('a', 2, { metrics: { y: 2, x: 1 }, numExamples: 5 });
    await expectRefusal(() => evaluations.add('a', 2, of(0.5)), 'CONFLICTING_UPDATE');
    expect(evaluations.summary(null)).deep.include({ x: 1, y: 2 });
  });

  it('takes those of its own round until it closes', async () => {
    const evaluations = new Evaluations(2);
    await expectRefusal(() => evaluations.add('a', 3, of(1)), 'ROUND_NOT_OPEN');
    await expectRefusal(() => evaluations.add('a', 1, of(1)), 'ROUND_CLOSED');
    evaluations.add('a', 2, of(1));
    expect(evaluations.close(1)).equal(true);
    expect(evaluations.close(1), 'a second time').equal(false);
    evaluations.add('a', 2, of(1));
    await expectRefusal(() => evaluations.add('b', 2, of(1)), 'ROUND_CLOSED');
  });

  it('reports nothing below the quorum of answers', () => {
    const evaluations = new Evaluations(2);
    evaluations.add('a', 2, of(1));
    expect(evaluations.close(2)).equal(false);
  });
});
