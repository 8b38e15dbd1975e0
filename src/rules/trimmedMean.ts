import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { coordinateRule } from './rule.js';

/**
 * Coordinate-wise trimmed mean: drops the f smallest and the f largest values, averages the rest. Needs n > 2f.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, trimmedMean({ f: 2 }));
 */
export const trimmedMean = coordinateRule({
  name: 'trimmed-mean',
  summary: 'Per coordinate, the mean of the values left after dropping the f smallest and the f largest.',
  source: 'Yin et al. 2018 (arXiv:1803.01498)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  column: (_, { f }) => ({ kind: 'trimmed-mean', f }),
});
