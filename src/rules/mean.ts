/** The weighted average: not robust, for comparison and for nodes that are trusted. */
import { z } from 'zod';
import { QuorateError } from '../errors.js';
import { linearRule } from './rule.js';

export const mean = linearRule({
  name: 'mean',
  summary: 'The average, weighted by numbers given for the updates (how many examples each saw, say).',
  source: 'McMahan et al. 2017 (arXiv:1602.05629)',
  parameters: z.strictObject({
    weights: z.array(z.number().min(0)).optional().describe('one for each update; default: all equal'),
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  needsDistances: false,
  check(n, { weights }) {
    if (!weights) return;
    if (weights.length !== n) {
      throw new QuorateError('INVALID_PARAMETER', `mean: ${weights.length} weights for ${n} updates`, {
        parameter: 'weights',
        n,
      });
    }
    if (weights.every((weight) => weight === 0)) {
      throw new QuorateError('ZERO_WEIGHT', 'mean: all weights are 0, so there is no mean');
    }
  },
  restrict: ({ weights }, kept) => (weights ? { weights: kept.map((row) => weights[row]!) } : {}),
  weights({ n }, { weights }) {
    const given = Float64Array.from(weights ?? new Array<number>(n).fill(1));
    const largest = given.reduce((most, weight) => Math.max(most, weight), 0);
    const relative = given.map((weight) => weight / largest); // so that the sum can't overflow
    const total = relative.reduce((sum, weight) => sum + weight, 0);
    return relative.map((weight) => weight / total);
  },
});
