/** Each update is scaled down to a given norm, if it is longer. */
import { z } from 'zod';
import { everyPoint } from '../rules/krum.js';
import { preaggregator, scaled } from './preaggregator.js';

export const clipping = preaggregator({
  name: 'clipping',
  summary: 'Each update longer than c is scaled to the norm c.',
  source: 'Allouah et al. 2025 (arXiv:2405.14432)',
  parameters: z.strictObject({ c: z.number().positive().describe('greatest norm') }),
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
