/** Aggregation alone, without a network: ten updates of a CNN's size. */
import { aggregate, createEngine, parsePipeline } from '../../src/index.js';
import { median } from '../statistics.js';
import { seededUpdates } from '../updates.js';
import type { ServerFigure, ServerMeasure } from './measure.js';
import { cnnParameters } from './roundTimes.js';

export const aggregation: ServerMeasure = {
  name: 'aggregation',
  summary: "aggregation of 10 updates of the size of PyTorch's MNIST CNN",
  async run({ quick }) {
    const updates = seededUpdates(10, cnnParameters, 3);
    const engine = createEngine();
    const figures: ServerFigure[] = [];
    for (const text of ['mean', 'median', 'trimmed-mean(f=2)', 'krum(f=2)', 'nnm(f=2) > trimmed-mean(f=2)']) {
      const pipeline = parsePipeline(text);
      const taken: number[] = [];
      for (let turn = 0; turn < (quick ? 6 : 21); turn++) {
        const began = performance.now();
        await aggregate(updates, pipeline, { engine });
        if (turn > 2) taken.push(performance.now() - began);
      }
      const what = `10 × ${cnnParameters.toLocaleString('en')}, ${text}, full report`;
      figures.push({ what, value: median(taken), unit: 'ms' });
    }
    await engine.dispose();
    return figures;
  },
};
