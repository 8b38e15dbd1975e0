/** Per coordinate: drop the f smallest and f largest values, average the rest. */
import { z } from 'zod';
import { byzantineBound } from '../core/validation.js';
import { coordinateRule } from './rule.js';

export const trimmedMean = coordinateRule({
  name: 'trimmed-mean',
  summary: 'Per coordinate, the mean without the f least and the f greatest values.',
  source: 'Yin et al. 2018 (arXiv:1803.01498)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  column: (_, { f }) => ({ kind: 'trimmed-mean', f }),
});
