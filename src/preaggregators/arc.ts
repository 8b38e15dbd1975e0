import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { everyPoint, leastIndices } from '../rules/nearest.js';
import { preaggregator, scaled } from './preaggregator.js';

/**
 * Adaptive robust clipping: scales the ⌊2(f/n)(n − f)⌋ longest updates down to the norm of the longest remaining one.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, pipeline(arc({ f: 2 }), trimmedMean({ f: 2 })));
 */
export const arc = preaggregator({
  name: 'arc',
  summary: 'Scales the ⌊2(f/n)(n − f)⌋ longest updates down to the norm of the next longest.',
  source: 'Allouah et al. 2025 (arXiv:2405.14432)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > f',
  minUpdates: ({ f }) => f + 1,
  needsDistances: true,
  scales: true,
  outputs: (n) => n,
  combine(geometry, { f }) {
    const { n } = geometry;
    const norms = Float64Array.from(everyPoint(geometry), (i) => Math.sqrt(geometry.squaredNorm(i)));
    const clipped = Math.floor((2 * f * (n - f)) / n);
    const longest = norms[leastIndices(norms, n)[n - clipped - 1]!]!;
    return everyPoint(geometry).map((i) => scaled(n, i, norms[i]! <= longest ? 1 : longest / norms[i]!));
  },
});
