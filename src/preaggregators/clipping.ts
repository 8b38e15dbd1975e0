import * as z from 'zod';
import { everyPoint } from '../rules/nearest.js';
import { preaggregator, scaled } from './preaggregator.js';

/**
 * Clipping: scales each update that is longer than c down to the norm c.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, pipeline(clipping({ c: 10 }), mean()));
 */
export const clipping = preaggregator({
  name: 'clipping',
  summary: 'Scales each update longer than c down to the norm c.',
  source: 'Allouah et al. 2025 (arXiv:2405.14432)',
  parameters: z.strictObject({ c: z.number().positive().describe('largest norm allowed') }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  needsDistances: true,
  scales: true,
  outputs: (n) => n,
  combine: (geometry, { c }) =>
    everyPoint(geometry).map((i) => {
      const norm = Math.sqrt(geometry.squaredNorm(i));
      return scaled(geometry.n, i, norm <= c ? 1 : c / norm);
    }),
});
