/** The mean of the best updates by Krum's score. Unweighted: what nodes say of themselves has no part in it. */
import { z } from 'zod';
import { byzantineBound } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { checkNeighbors, everyPoint, krumScores, neighborCount } from './krum.js';
import { leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

export const multiKrum = linearRule({
  name: 'multi-krum',
  summary: "The mean of the m best updates by Krum's score.",
  source: 'Blanchard et al. 2017 (arXiv:1703.02757)',
  parameters: z.strictObject({
    f: byzantineBound,
    m: z.int().min(1).optional().describe('updates averaged; default: n − f'),
    neighbors: neighborCount,
  }),
  constraint: 'n > 2f + 2',
  minUpdates: ({ f }) => 2 * f + 3,
  check(n, { m, neighbors }) {
    checkNeighbors('multi-krum', n, neighbors);
    if (m === undefined || m <= n) return;
    throw new QuorateError('INVALID_PARAMETER', `multi-krum: m = ${m}, but there are only ${n} updates`, {
      parameter: 'm',
      value: m,
      n,
    });
  },
  needsDistances: true,
  weights(geometry, { f, m, neighbors }) {
    const { n } = geometry;
    const scores = krumScores(geometry, everyPoint(geometry), neighbors ?? n - f - 2);
    return meanOf(n, leastIndices(scores, m ?? n - f));
  },
});
