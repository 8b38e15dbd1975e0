/**
 * m ← β₁·m + (1 − β₁)·Δ, v ← v + Δ², w ← w + η·m / (√v + τ)
 *
 * Its v is a sum, not a moving average, so the bias correction is m's alone.
 */
import { z } from 'zod';
import { beta, biasCorrection, correction, eta, tau } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

export const fedAdagrad = serverOptimizer({
  name: 'fed-adagrad',
  summary: 'Steps that shrink with the sum of all squared changes so far.',
  source: 'Reddi et al. 2021 (arXiv:2003.00295)',
  parameters: z.strictObject({ eta: eta(0.1), beta1: beta(0.9, 'momentum'), tau, biasCorrection }),
  state: ['momentum', 'variance'],
  kernel: (core, { eta, beta1, tau, biasCorrection }, step) => {
    const correction1 = correction(biasCorrection, beta1, step);
    return ({ model, delta, momentum, variance, columns }) =>
      core.fedAdagrad(model, delta, momentum, variance, columns, eta, beta1, tau, correction1);
  },
});
