import { z } from 'zod';
import { defineAttack, honestDeviation, honestMean } from './attack.js';

/**
 * μ + τ·σ: every coordinate is shifted by a little, well within what honest updates differ by, and always the same
 * way. The deviation σ has n − 1 in its denominator, hence two honest updates are needed.
 */
export const aLittleIsEnough = defineAttack({
  name: 'a-little-is-enough',
  summary: 'The honest mean, shifted by a multiple of the standard deviation in every coordinate.',
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
