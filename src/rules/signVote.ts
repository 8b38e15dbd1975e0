/** Per coordinate: which way the majority points. */
import { z } from 'zod';
import { coordinateRule } from './rule.js';

export const signVote = coordinateRule({
  name: 'sign-vote',
  summary: 'Per coordinate, a step in the direction of the majority of signs; 0 on a tie.',
  source: 'Bernstein et al. 2019 (arXiv:1810.05291)',
  parameters: z.strictObject({
    step: z
      .number()
      .refine((step) => Number.isFinite(Math.fround(step)), 'must be finite as float32')
      .default(1)
      .describe('length of the step'),
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  column: (_, { step }) => ({ kind: 'sign-vote', step }),
});
