import * as z from 'zod';
import { beta, biasCorrection, correction, eta, tau } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

/**
 * FedAdagrad: m ← β₁·m + (1 − β₁)·Δ, v ← v + Δ², w ← w + η·m / (√v + τ)
 *
 * Since v is a sum, not a moving average, the bias correction applies to m only.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { model, state } = await optimize(current, delta, fedAdagrad({ eta: 0.1 }));
 */
export const fedAdagrad = serverOptimizer({
  name: 'fed-adagrad',
  summary: 'Adaptive steps that shrink with the sum of all squared changes.',
  source: 'Reddi et al. 2021 (arXiv:2003.00295)',
  parameters: z.strictObject({ eta: eta(0.1), beta1: beta(0.9, 'momentum'), tau, biasCorrection }),
  state: ['momentum', 'variance'],
  kernel: (core, { eta, beta1, tau, biasCorrection }, step) => {
    const correction1 = correction(biasCorrection, beta1, step);
    return ({ model, delta, momentum, variance, columns }) =>
      core.fedAdagrad(model, delta, momentum, variance, columns, eta, beta1, tau, correction1);
  },
});
