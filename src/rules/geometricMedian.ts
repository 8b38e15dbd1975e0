import * as z from 'zod';
import { searchMedian } from './medianSearch.js';
import { linearRule } from './rule.js';

/**
 * Geometric median: the point with the least sum of distances to the updates. At any scale: if all updates are multiplied
 * by a power of two, so is the result. Where the minimum is a whole segment, as between two updates, the result is its
 * midpoint.
 *
 * `report.gap` is a proven bound on the result's excess over the least sum of distances, as a share of it. The iteration
 * ends when it is at most `tolerance`, or 2⁻²² where that is greater and updates have more than 4,096 entries or some lie
 * far off: distances are known no better there. `report.converged` is false if `maxIterations` ends it first; the result is then
 * the best point found.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value, report } = await aggregate(updates, geometricMedian());
 * console.log(report.converged, report.gap);
 */
export const geometricMedian = linearRule({
  name: 'geometric-median',
  summary: 'The point with the least sum of distances to the updates.',
  source: 'Pillutla et al. 2022 (arXiv:1912.13445)',
  parameters: z.strictObject({
    tolerance: z
      .number()
      .min(0)
      .default(1e-9)
      .describe(
        'stops when the sum of distances is proved to exceed the least one by at most this share of it',
      ),
    maxIterations: z.int().min(1).max(10_000).default(1000).describe('stops after this many iterations'),
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  needsDistances: true,
  combines: true,
  weights: (geometry, { tolerance, maxIterations }) => searchMedian(geometry, tolerance, maxIterations),
});
