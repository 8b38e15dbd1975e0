import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { coordinateRule } from './rule.js';

/**
 * Mean around the median: per coordinate, the mean of the n − f values nearest to the median. If two values are equally
 * near, the smaller one counts as the nearer. Needs n > 2f.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, meamed({ f: 2 }));
 */
export const meamed = coordinateRule({
  name: 'meamed',
  summary: 'Per coordinate, the mean of the n − f values nearest to the median.',
  source: 'Xie et al. 2018 (arXiv:1802.10116)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  column: (_, { f }) => ({ kind: 'nearest-mean', f, center: 'median' }),
});
