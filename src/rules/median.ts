/** Per coordinate: the median; for an even number of updates the midpoint of the two middle values. */
import { z } from 'zod';
import { coordinateRule } from './rule.js';

export const median = coordinateRule({
  name: 'median',
  summary: 'Per coordinate, the median.',
  source: 'Yin et al. 2018 (arXiv:1803.01498)',
  parameters: z.strictObject({}),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  column: () => ({ kind: 'median' }),
});
