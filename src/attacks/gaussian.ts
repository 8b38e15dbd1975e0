import * as z from 'zod';
import { defineAttack } from './attack.js';
import { createRandom } from '../core/random.js';

/**
 * Independent normal noise in every coordinate, different for each attacker: a broken node rather than a malicious one.
 * The noise is a pure function of (seed, attacker), so use a new seed in each round.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const malicious = gaussian({ seed: round }).forge(honest, 3);
 */
export const gaussian = defineAttack({
  name: 'gaussian',
  summary: 'Normal noise.',
  source: 'Blanchard et al. 2017 (arXiv:1703.02757)',
  parameters: z.strictObject({
    seed: z.int().min(0).default(0).describe('seed of the noise'),
    mean: z.number().default(0).describe('mean of the noise'),
    standardDeviation: z.number().positive().default(1).describe('standard deviation of the noise'),
  }),
  minHonest: 1,
  forge: (honest, { seed, mean, standardDeviation }, attackers) =>
    Array.from({ length: attackers }, (_, attacker) => {
      const random = createRandom(seed, attacker);
      return Float32Array.from(honest[0]!, () => mean + standardDeviation * random.normal());
    }),
});
