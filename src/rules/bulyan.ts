/**
 * First n − 2f updates are chosen by Krum, one at a time, each removed before the next is sought; then, per
 * coordinate, the mean of the n − 4f values nearest to the median of the chosen.
 *
 * While r updates are left, Krum counts r − f − 2 neighbors, but at least one: at the end fewer would be left.
 */
import { z } from 'zod';
import type { Geometry } from '../core/geometry.js';
import { byzantineBound } from '../core/validation.js';
import { everyPoint } from './krum.js';
import { leastIndices } from './nearest.js';
import { coordinateRule } from './rule.js';

/** For each point, its squared distances to the other points that are left, the least first. */
function sortedDistances(geometry: Geometry): number[][] {
  const points = everyPoint(geometry);
  return points.map((i) =>
    points
      .filter((j) => j !== i)
      .map((j) => geometry.squaredDistance(i, j))
      .sort((a, b) => a - b),
  );
}

/** Added up from the least on, as Krum does it: the same bits, and so the same choice. */
function sumOfFirst(distances: readonly number[], count: number): number {
  let sum = 0;
  for (let k = 0; k < count && k < distances.length; k++) sum += distances[k]!;
  return sum;
}

export const bulyan = coordinateRule({
  name: 'bulyan',
  summary:
    'n − 2f updates chosen by repeated Krum; then, per coordinate, the mean of the n − 4f values nearest to their median.',
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
      // Sorted once: of equal distances any one may go.
      for (const point of left) {
        const own = distances[point]!;
        own.splice(own.indexOf(geometry.squaredDistance(point, winner)), 1);
      }
    }
    return chosen.sort((a, b) => a - b);
  },
  // n is the number of points chosen, of which 2f are dropped.
  column: (_, { f }) => ({ kind: 'nearest-mean', f: 2 * f, center: 'median' }),
});
