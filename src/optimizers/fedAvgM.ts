import * as z from 'zod';
import { beta, eta } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

/**
 * Federated averaging with server momentum: m ← β·m + Δ, w ← w + η·m
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { model, state } = await optimize(current, delta, fedAvgM({ beta: 0.9 }));
 */
export const fedAvgM = serverOptimizer({
  name: 'fed-avg-m',
  summary: 'Federated averaging with server momentum.',
  source: 'Hsu et al. 2019 (arXiv:1909.06335)',
  parameters: z.strictObject({ eta: eta(1), beta: beta(0.9, 'momentum') }),
  state: ['momentum'],
  kernel:
    (core, { eta, beta }) =>
    ({ model, delta, momentum, columns }) =>
      core.fedAvgM(model, delta, momentum, columns, eta, beta),
});
