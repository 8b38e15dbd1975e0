import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { everyPoint, leastIndices, meanOf } from '../rules/nearest.js';
import { preaggregator } from './preaggregator.js';

/**
 * Nearest-neighbor mixing: each update becomes the mean of the n − f updates nearest to it, itself included.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, pipeline(nnm({ f: 2 }), trimmedMean({ f: 2 })));
 */
export const nnm = preaggregator({
  name: 'nnm',
  summary: 'Each update becomes the mean of the n − f updates nearest to it, itself included.',
  source: 'Allouah et al. 2023 (arXiv:2302.01772)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > f',
  minUpdates: ({ f }) => f + 1,
  needsDistances: true,
  outputs: (n) => n,
  combine(geometry, { f }) {
    const { n } = geometry;
    return everyPoint(geometry).map((i) => {
      const distances = everyPoint(geometry).map((j) => (j === i ? -1 : geometry.squaredDistance(i, j)));
      return meanOf(n, leastIndices(distances, n - f));
    });
  },
});
