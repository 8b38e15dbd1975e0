import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { everyPoint, leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

/**
 * The mean of the n − f updates nearest to a trusted one, the pivot, which is one of them. Needs n > 2f.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, monna({ f: 2, pivot: 0 }));
 */
export const monna = linearRule({
  name: 'monna',
  summary: 'The mean of the n − f updates nearest to a trusted update, the pivot.',
  source: 'Farhadkhani et al. 2023 (arXiv:2209.10931)',
  parameters: z.strictObject({
    f: byzantineBound,
    pivot: z.int().min(0).default(0).describe('index of the trusted update'),
  }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  check(n, { pivot }) {
    if (pivot < n) return;
    throw new QuorateError('INVALID_PARAMETER', `monna: pivot must be less than n = ${n}; got ${pivot}`, {
      parameter: 'pivot',
      value: pivot,
      n,
    });
  },
  restrict({ f, pivot }, kept) {
    const moved = kept.indexOf(pivot);
    if (moved >= 0) return { f, pivot: moved };
    throw new QuorateError('INVALID_PARAMETER', `monna: the pivot, update ${pivot}, is not finite`, {
      parameter: 'pivot',
      value: pivot,
    });
  },
  needsDistances: true,
  weights(geometry, { f, pivot }) {
    const { n } = geometry;
    const distances = everyPoint(geometry).map((i) =>
      i === pivot ? -1 : geometry.squaredDistance(pivot, i),
    );
    return meanOf(n, leastIndices(distances, n - f));
  },
});
