/** Comparative gradient elimination: the mean of the shortest updates. */
import { z } from 'zod';
import { byzantineBound } from '../core/validation.js';
import { everyPoint } from './krum.js';
import { leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

export const cge = linearRule({
  name: 'cge',
  summary: 'The mean of the n − f updates of least norm.',
  source: 'Gupta et al. 2021 (arXiv:2008.04699)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > f',
  minUpdates: ({ f }) => f + 1,
  needsDistances: true,
  weights(geometry, { f }) {
    const norms = everyPoint(geometry).map((i) => geometry.squaredNorm(i));
    return meanOf(geometry.n, leastIndices(norms, geometry.n - f));
  },
});
