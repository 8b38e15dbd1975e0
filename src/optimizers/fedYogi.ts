import * as z from 'zod';
import { beta, biasCorrection, correction, eta, tau } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

/**
 * FedYogi: m ← β₁·m + (1 − β₁)·Δ, v ← v − (1 − β₂)·Δ²·sign(v − Δ²), w ← w + η·m / (√v + τ)
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { model, state } = await optimize(current, delta, fedYogi({ eta: 0.01 }));
 */
export const fedYogi = serverOptimizer({
  name: 'fed-yogi',
  summary: 'Like FedAdam, but the variance changes by at most a share of the squared change.',
  source: 'Reddi et al. 2021 (arXiv:2003.00295)',
  parameters: z.strictObject({
    eta: eta(0.01),
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
      core.fedYogi(
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
