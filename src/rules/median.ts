import * as z from 'zod';
import { coordinateRule } from './rule.js';

/**
 * Coordinate-wise median. For an even number of updates, the midpoint of the two middle values.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, median());
 */
export const median = coordinateRule({
  name: 'median',
  summary: 'Per coordinate, the median.',
  source: 'Yin et al. 2018 (arXiv:1803.01498)',
  parameters: z.strictObject({}),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  column: () => ({ kind: 'median' }),
});
