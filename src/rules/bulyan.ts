/**
 * First n − 2f updates are chosen by Krum, one at a time, each removed before the next is sought; then, per
 * coordinate, the mean of the n − 4f values nearest to the median of the chosen.
 *
 * While r updates are left, Krum counts r − f − 2 neighbours, but at least one: at the end fewer would be left.
 */
import { z } from 'zod';
import { byzantineBound } from '../core/parameters.js';
import { everyPoint, krumScores } from './krum.js';
import { leastIndices } from './nearest.js';
import { coordinateRule } from './rule.js';

export const bulyan = coordinateRule({
  name: 'bulyan',
  summary:
    'n − 2f updates chosen by repeated Krum; then, per coordinate, the mean of the n − 4f values nearest to their median.',
  source: 'El Mhamdi et al. 2018 (arXiv:1802.07927)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n ≥ 4f + 3',
  minUpdates: ({ f }) => 4 * f + 3,
  choose(geometry, { f }) {
    const left = everyPoint(geometry);
    const chosen: number[] = [];
    while (chosen.length < geometry.n - 2 * f) {
      const scores = krumScores(geometry, left, Math.max(1, left.length - f - 2));
      const [best] = leastIndices(scores, 1);
      chosen.push(...left.splice(best, 1));
    }
    return chosen.sort((a, b) => a - b);
  },
  // n is the number of points chosen, of which 2f are dropped.
  column: (_, { f }) => ({ kind: 'nearest-mean', f: 2 * f, centre: 'median' }),
});
