import { z } from 'zod';
import { defineAttack, honestMean, scaledVector } from './attack.js';

/**
 * −τ·μ, so that the inner product of the aggregate with the honest mean turns negative. A small τ hides among honest
 * updates that differ from each other; a plain mean of m honest and a attackers turns round at τ > m / a.
 */
export const innerProductManipulation = defineAttack({
  name: 'inner-product-manipulation',
  summary: 'A negative multiple of the honest mean.',
  source: 'Xie et al. 2019 (arXiv:1903.03936)',
  parameters: z.strictObject({
    tau: z.number().default(2).describe('length of the lie, in lengths of the honest mean'),
  }),
  minHonest: 1,
  forge: (honest, { tau }) => scaledVector(honestMean(honest), -tau),
});
