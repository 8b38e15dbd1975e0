/** Per coordinate: the mean around the trimmed mean. Of two values equally far from it, the lesser is the nearer. */
import { z } from 'zod';
import { byzantineBound } from '../core/validation.js';
import { coordinateRule } from './rule.js';

export const phocas = coordinateRule({
  name: 'phocas',
  summary: 'Per coordinate, the mean of the n − f values nearest to the trimmed mean.',
  source: 'Xie et al. 2018 (arXiv:1805.09682)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  column: (_, { f }) => ({ kind: 'nearest-mean', f, center: 'trimmed-mean' }),
});
