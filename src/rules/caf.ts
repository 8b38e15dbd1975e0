/**
 * Covariance-bound agnostic filter: the weights of the updates that stand out most along the direction of greatest
 * variance are lowered, again and again, until n − 2f are left in all; the mean of the least variance met wins.
 *
 * Each step brings the weight of one update to 0, the one that stands out most among those that have weight left,
 * so there are at most n steps.
 */
import { z } from 'zod';
import { byzantineBound } from '../core/validation.js';
import { widestSpread } from './covariance.js';
import { linearRule } from './rule.js';

export const caf = linearRule({
  name: 'caf',
  summary: 'A weighted mean, its weights filtered along the direction of greatest variance.',
  source: 'Allouah et al. 2025 (arXiv:2505.01874)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  needsDistances: true,
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
