/** The update with the nearest neighbors. Each candidate's neighbors are other updates, never itself. */
import { z } from 'zod';
import type { Geometry } from '../core/geometry.js';
import { byzantineBound } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

/** Blanchard et al. count n − f − 2 neighbors. Some implementations count one more; so may the caller. */
export const neighborCount = z.int().min(1).optional().describe('neighbors that count; default: n − f − 2');

/** @throws QuorateError INVALID_PARAMETER */
export function checkNeighbors(rule: string, n: number, neighbors: number | undefined): void {
  if (neighbors === undefined || neighbors < n) return;
  throw new QuorateError(
    'INVALID_PARAMETER',
    `${rule}: each of ${n} updates has only ${n - 1} neighbors, not ${neighbors}`,
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

/** The indices of all points. */
export const everyPoint = ({ n }: Geometry): number[] => Array.from({ length: n }, (_, i) => i);

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
