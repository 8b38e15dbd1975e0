import * as z from 'zod';
import { beta, biasCorrection, correction, eta, tau } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

/**
 * FedAdam: m ← β₁·m + (1 − β₁)·Δ, v ← β₂·v + (1 − β₂)·Δ², w ← w + η·m / (√v + τ)
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { model, state } = await optimize(current, delta, fedAdam({ eta: 0.1 }));
 */
export const fedAdam = serverOptimizer({
  name: 'fed-adam',
  summary: 'Adaptive steps, scaled by a moving average of squared changes.',
  source: 'Reddi et al. 2021 (arXiv:2003.00295)',
  parameters: z.strictObject({
    eta: eta(0.1),
    beta1: beta(0.9, 'momentum'),
    beta2: beta(0.99, 'variance'),
    tau,
    biasCorrection,
  }),
  state: ['momentum', 'variance'],
  kernel: (core, { eta, beta1, beta2, tau, biasCorrection }, step) => {
    const correction1 = correction(biasCorrection, beta1, step);
    const correction2 = correction(biasCorrection, beta2, step);
    return ({ model, delta, momentum, variance, columns }) =>
      core.fedAdam(
        model,
        delta,
        momentum,
        variance,
        columns,
        eta,
        beta1,
        beta2,
        tau,
        correction1,
        correction2,
      );
  },
});
