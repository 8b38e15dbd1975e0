import * as z from 'zod';
import type { Geometry } from '../core/geometry.js';
import { byzantineBound } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { everyPoint, leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

/** Blanchard et al. count n − f − 2 neighbors. Some implementations count one more, so the number is a parameter. */
export const neighborCount = z
  .int()
  .min(1)
  .optional()
  .describe('number of neighbors to count; default: n − f − 2');

/** @throws QuorateError INVALID_PARAMETER */
export function checkNeighbors(rule: string, n: number, neighbors: number | undefined): void {
  if (neighbors === undefined || neighbors < n) return;
  throw new QuorateError(
    'INVALID_PARAMETER',
    `${rule}: neighbors must be at most ${n - 1} for ${n} updates; got ${neighbors}`,
    {
      parameter: 'neighbors',
      value: neighbors,
      n,
    },
  );
}

/** For each of `candidates`, the sum of the squared distances to its nearest `neighbors` other candidates. */
export function krumScores(
  geometry: Geometry,
  candidates: readonly number[],
  neighbors: number,
): Float64Array {
  return Float64Array.from(candidates, (i) => {
    const distances = Float64Array.from(
      candidates.filter((j) => j !== i),
      (j) => geometry.squaredDistance(i, j),
    ).sort();
    return distances.subarray(0, neighbors).reduce((sum, distance) => sum + distance, 0);
  });
}

/**
 * The update with the least sum of squared distances to its nearest neighbors. A candidate is never its own neighbor.
 * Needs n > 2f + 2.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, krum({ f: 2 }));
 */
export const krum = linearRule({
  name: 'krum',
  summary: 'The update with the least sum of squared distances to its nearest neighbors.',
  source: 'Blanchard et al. 2017 (arXiv:1703.02757)',
  parameters: z.strictObject({ f: byzantineBound, neighbors: neighborCount }),
  constraint: 'n > 2f + 2',
  minUpdates: ({ f }) => 2 * f + 3,
  check: (n, { neighbors }) => {
    checkNeighbors('krum', n, neighbors);
  },
  needsDistances: true,
  weights(geometry, { f, neighbors }) {
    const { n } = geometry;
    const scores = krumScores(geometry, everyPoint(geometry), neighbors ?? n - f - 2);
    return meanOf(n, leastIndices(scores, 1));
  },
});
