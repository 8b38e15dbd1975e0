import * as z from 'zod';
import { defineAttack, honestDeviation, honestMean } from './attack.js';

/**
 * μ + τ·σ: shifts every coordinate slightly, well within the spread of honest updates, and always in the same direction.
 * σ has n − 1 in its denominator, so two honest updates are needed.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const malicious = aLittleIsEnough({ tau: 1 }).forge(honest, 3);
 */
export const aLittleIsEnough = defineAttack({
  name: 'a-little-is-enough',
  summary: 'The honest mean, shifted in every coordinate by a multiple of the standard deviation.',
  source: 'Baruch et al. 2019 (arXiv:1902.06156)',
  parameters: z.strictObject({
    tau: z.number().default(1.5).describe('shift, in standard deviations of the honest updates'),
  }),
  minHonest: 2,
  forge: (honest, { tau }) => {
    const mean = honestMean(honest);
    const deviation = honestDeviation(honest, mean);
    for (let k = 0; k < mean.length; k++) mean[k]! += tau * deviation[k]!;
    return Float32Array.from(mean);
  },
});
