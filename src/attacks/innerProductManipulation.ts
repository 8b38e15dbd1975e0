import * as z from 'zod';
import { defineAttack, honestMean, scaledVector } from './attack.js';

/**
 * −τ·μ, which aims to make the inner product of the aggregate and the honest mean negative. A small τ hides among honest
 * updates that differ from each other; a plain mean of m honest nodes and a attackers changes direction at τ > m / a.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const malicious = innerProductManipulation({ tau: 2 }).forge(honest, 3);
 */
export const innerProductManipulation = defineAttack({
  name: 'inner-product-manipulation',
  summary: 'A negative multiple of the honest mean.',
  source: 'Xie et al. 2019 (arXiv:1903.03936)',
  parameters: z.strictObject({
    tau: z.number().default(2).describe('norm of the malicious update, relative to the honest mean'),
  }),
  minHonest: 1,
  forge: (honest, { tau }) => scaledVector(honestMean(honest), -tau),
});
