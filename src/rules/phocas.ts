import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { coordinateRule } from './rule.js';

/**
 * Mean around the trimmed mean: per coordinate, the mean of the n − f values nearest to the trimmed mean. If two values
 * are equally near, the smaller one counts as the nearer. Needs n > 2f.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, phocas({ f: 2 }));
 */
export const phocas = coordinateRule({
  name: 'phocas',
  summary: 'Per coordinate, the mean of the n − f values nearest to the trimmed mean.',
  source: 'Xie et al. 2018 (arXiv:1805.09682)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  column: (_, { f }) => ({ kind: 'nearest-mean', f, center: 'trimmed-mean' }),
});
