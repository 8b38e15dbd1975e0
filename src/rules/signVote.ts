import * as z from 'zod';
import { coordinateRule } from './rule.js';

/**
 * Majority vote on signs: per coordinate, ±`step` in the direction of most updates, 0 on a tie. Zeros don't vote.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, signVote({ step: 0.01 }));
 */
export const signVote = coordinateRule({
  name: 'sign-vote',
  summary: 'Per coordinate, a step in the direction of most signs; 0 on a tie.',
  source: 'Bernstein et al. 2019 (arXiv:1810.05291)',
  parameters: z.strictObject({
    step: z
      .number()
      .refine((step) => Number.isFinite(Math.fround(step)), 'must be finite as float32')
      .default(1)
      .describe('size of the step'),
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  column: (_, { step }) => ({ kind: 'sign-vote', step }),
});
