/** Per coordinate: the mean around the median. Of two values equally far from it, the lesser is the nearer. */
import { z } from 'zod';
import { byzantineBound } from '../core/validation.js';
import { coordinateRule } from './rule.js';

export const meamed = coordinateRule({
  name: 'meamed',
  summary: 'Per coordinate, the mean of the n − f values nearest to the median.',
  source: 'Xie et al. 2018 (arXiv:1802.10116)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  column: (_, { f }) => ({ kind: 'nearest-mean', f, center: 'median' }),
});
