import * as z from 'zod';
import { byzantineBound } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import { checkNeighbors, krumScores, neighborCount } from './krum.js';
import { everyPoint, leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

/**
 * The mean of the m updates with the best Krum scores. Unweighted, so that what nodes report about themselves has no
 * influence. Needs n > 2f + 2.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, multiKrum({ f: 2, m: 5 }));
 */
export const multiKrum = linearRule({
  name: 'multi-krum',
  summary: 'The mean of the m updates with the best Krum scores.',
  source: 'Blanchard et al. 2017 (arXiv:1703.02757)',
  parameters: z.strictObject({
    f: byzantineBound,
    m: z.int().min(1).optional().describe('number of updates to average; default: n − f'),
    neighbors: neighborCount,
  }),
  constraint: 'n > 2f + 2',
  minUpdates: ({ f }) => 2 * f + 3,
  check(n, { m, neighbors }) {
    checkNeighbors('multi-krum', n, neighbors);
    if (m === undefined || m <= n) return;
    throw new QuorateError('INVALID_PARAMETER', `multi-krum: m must be at most n = ${n}; got ${m}`, {
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
