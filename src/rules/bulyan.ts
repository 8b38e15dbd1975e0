import * as z from 'zod';
import type { Geometry } from '../core/geometry.js';
import { byzantineBound } from '../core/validation.js';
import { everyPoint, leastIndices } from './nearest.js';
import { coordinateRule } from './rule.js';

/** For each point, its squared distances to the other remaining points, in ascending order. */
function sortedDistances(geometry: Geometry): number[][] {
  const points = everyPoint(geometry);
  return points.map((i) =>
    points
      .filter((j) => j !== i)
      .map((j) => geometry.squaredDistance(i, j))
      .sort((a, b) => a - b),
  );
}

/** Summed in ascending order, as Krum does: the same bits, hence the same choice. */
function sumOfFirst(distances: readonly number[], count: number): number {
  let sum = 0;
  for (let k = 0; k < count && k < distances.length; k++) sum += distances[k]!;
  return sum;
}

/**
 * Selects n − 2f updates by repeated Krum, removing each winner; then takes, per coordinate, the mean of the n − 4f
 * selected values nearest to their median. Needs n ≥ 4f + 3.
 *
 * With r updates left, Krum counts r − f − 2 neighbors, but at least one.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, bulyan({ f: 1 }));
 */
export const bulyan = coordinateRule({
  name: 'bulyan',
  summary:
    'Selects n − 2f updates by repeated Krum; then, per coordinate, the mean of the n − 4f values nearest to their median.',
  source: 'El Mhamdi et al. 2018 (arXiv:1802.07927)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n ≥ 4f + 3',
  minUpdates: ({ f }) => 4 * f + 3,
  choose(geometry, { f }) {
    const distances = sortedDistances(geometry);
    let left = everyPoint(geometry);
    const chosen: number[] = [];
    while (chosen.length < geometry.n - 2 * f) {
      const neighbors = Math.max(1, left.length - f - 2);
      const scores = left.map((point) => sumOfFirst(distances[point]!, neighbors));
      const [best] = leastIndices(scores, 1);
      const winner = left[best!]!;
      chosen.push(winner);
      left = left.filter((point) => point !== winner);
      // The distances stay sorted; among equal ones it doesn't matter which is removed.
      for (const point of left) {
        const own = distances[point]!;
        own.splice(own.indexOf(geometry.squaredDistance(point, winner)), 1);
      }
    }
    return chosen.sort((a, b) => a - b);
  },
  // Here n is the number of selected points; 2f of them are dropped.
  column: (_, { f }) => ({ kind: 'nearest-mean', f: 2 * f, center: 'median' }),
});
