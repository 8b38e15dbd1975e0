import * as z from 'zod';
import { QuorateError } from '../errors.js';
import { linearRule } from './rule.js';

/**
 * The (weighted) average. Not robust: for comparison, and for nodes that are trusted.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, mean({ weights: [120, 80, 200] }));
 */
export const mean = linearRule({
  name: 'mean',
  summary: 'The average, optionally weighted, by the number of examples for instance.',
  source: 'McMahan et al. 2017 (arXiv:1602.05629)',
  parameters: z.strictObject({
    weights: z.array(z.number().min(0)).optional().describe('one per update; default: all equal'),
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  needsDistances: false,
  check(n, { weights }) {
    if (!weights) return;
    if (weights.length !== n) {
      throw new QuorateError(
        'INVALID_PARAMETER',
        `mean: weights must have one entry per update (${n}); got ${weights.length}`,
        {
          parameter: 'weights',
          n,
        },
      );
    }
    if (weights.every((weight) => weight === 0)) {
      throw new QuorateError('ZERO_WEIGHT', 'mean: all weights are 0');
    }
  },
  restrict: ({ weights }, kept) => (weights ? { weights: kept.map((row) => weights[row]!) } : {}),
  weights({ n }, { weights }) {
    const given = Float64Array.from(weights ?? new Array<number>(n).fill(1));
    const largest = given.reduce((most, weight) => Math.max(most, weight), 0);
    const relative = given.map((weight) => weight / largest); // keeps the sum from overflowing
    const total = relative.reduce((sum, weight) => sum + weight, 0);
    return relative.map((weight) => weight / total);
  },
});
