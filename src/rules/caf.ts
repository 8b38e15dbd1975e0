import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { widestSpread } from './covariance.js';
import { linearRule } from './rule.js';

/**
 * Covariance-bound agnostic filter: repeatedly lowers the weights of the updates that deviate most along the direction
 * of greatest variance, until n − 2f of the weight is left. Returns the mean with the least variance on the way. Needs
 * n > 2f.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, caf({ f: 2 }));
 */
export const caf = linearRule({
  name: 'caf',
  summary: 'A weighted mean; the weights are filtered along the direction of greatest variance.',
  source: 'Allouah et al. 2025 (arXiv:2505.01874)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  needsDistances: true,
  // Each step brings one update's weight to 0, so there are at most n steps.
  *weights(geometry, { f }) {
    const { n } = geometry;
    let weights: Float64Array = new Float64Array(n).fill(1);
    let best = weights;
    let least = Infinity;
    const total = () => weights.reduce((sum, weight) => sum + weight, 0);
    while (total() > n - 2 * f) {
      yield;
      const { variance, projections } = widestSpread(geometry, weights);
      if (variance < least) [least, best] = [variance, weights];
      if (variance === 0) break;
      const squares = projections.map((projection) => projection * projection);
      const greatest = squares.reduce(
        (most, square, i) => (weights[i]! > 0 ? Math.max(most, square) : most),
        0,
      );
      weights = weights.map((weight, i) => (weight > 0 ? weight * (1 - squares[i]! / greatest) : 0));
    }
    const sum = best.reduce((all, weight) => all + weight, 0);
    return best.map((weight) => weight / sum);
  },
});
