/** What a node reports besides updates: numbers that are not finite are left out, and a wrong kind gets a sentence. */
import { expect } from 'chai';
import { joinSession, type NodeEvent } from '../../src/client/index.js';
import { expectRefusal } from '../support/refusal.js';
import { play } from './play.js';
import { startSession } from './stage.js';

describe('a measurement', () => {
  const scene = play();

  it('that is not finite is left out and reported, in training and in evaluation', async () => {
    await startSession(scene.stage.coordinator, { quorum: 1, rounds: 1 });
    const events: NodeEvent[] = [];
    const outcome = await joinSession(
      scene.optionsOf('one', {
        train: ({ model }) => ({
          update: model.values.fill(1),
          numExamples: Infinity,
          metrics: { loss: NaN, steps: 5, rate: -Infinity },
        }),
        evaluate: () => ({ metrics: { accuracy: NaN, loss: 2 }, numExamples: NaN }),
        onEvent: (event) => events.push(event),
      }),
    );
    expect(outcome).include({ status: 'completed', accepted: 1 });
    const leftOut = events.filter(({ type }) => type === 'left-out');
    expect(leftOut).deep.equal([
      { type: 'left-out', round: 1, measurements: ['loss', 'rate', 'numExamples'] },
      { type: 'left-out', round: 1, measurements: ['accuracy', 'numExamples'] },
    ]);
    const { updates } = await scene.stage.coordinator.round('job', 1);
    expect(updates[0]).deep.include({ numExamples: null, metrics: { steps: 5 } });
    const [point] = await scene.stage.coordinator.metrics('job', { from: 1, limit: 1 });
    expect(point!.metrics).include({ 'train.steps': 5, loss: 2 });
  });

  for (const [metrics, problem] of [
    [{ loss: '0.3' }, "metrics.loss: must be a finite number; got '0.3'"],
    [{ ['x'.repeat(65)]: 1 }, 'at most 64 characters'],
    [[1], 'metrics: must be an object; got a list'],
    [Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`m${i}`, i])), 'at most 32 metrics'],
  ] as const) {
    it(`of a wrong kind gets a sentence: ${problem}`, async () => {
      await startSession(scene.stage.coordinator, { quorum: 1, rounds: 1 });
      const options = scene.optionsOf('one', {
        train: ({ model }) => ({
          update: model.values,
          metrics: metrics as unknown as Record<string, number>,
        }),
      });
      const { message } = await expectRefusal(() => joinSession(options), 'TRAINING_FAILED');
      expect(message).include(problem);
    });
  }
});
