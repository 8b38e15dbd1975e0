import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { everyPoint, leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

/**
 * Comparative gradient elimination: the mean of the n − f updates with the smallest norms. Needs n > f.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, cge({ f: 2 }));
 */
export const cge = linearRule({
  name: 'cge',
  summary: 'The mean of the n − f updates with the smallest norms.',
  source: 'Gupta et al. 2021 (arXiv:2008.04699)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > f',
  minUpdates: ({ f }) => f + 1,
  needsDistances: true,
  weights(geometry, { f }) {
    const norms = everyPoint(geometry).map((i) => geometry.squaredNorm(i));
    return meanOf(geometry.n, leastIndices(norms, geometry.n - f));
  },
});
