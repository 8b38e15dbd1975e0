import * as z from 'zod';
import { defineAttack, honestMean, scaledVector } from './attack.js';

/**
 * −μ: every attacker sends the opposite of the honest mean.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const malicious = signFlipping().forge(honest, 3);
 */
export const signFlipping = defineAttack({
  name: 'sign-flipping',
  summary: 'The opposite of the honest mean.',
  source: 'Allen-Zhu et al. 2020 (arXiv:2012.14368)',
  parameters: z.strictObject({}),
  minHonest: 1,
  forge: (honest) => scaledVector(honestMean(honest), -1),
});
