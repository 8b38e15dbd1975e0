import * as z from 'zod';
import { eta } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

/**
 * Federated averaging: w ← w + η·Δ. With η = 1 the model becomes the aggregate.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { model } = await optimize(current, delta, fedAvg());
 */
export const fedAvg = serverOptimizer({
  name: 'fed-avg',
  summary: 'Moves the model toward the aggregate; all the way for η = 1.',
  source: 'McMahan et al. 2017 (arXiv:1602.05629)',
  parameters: z.strictObject({ eta: eta(1) }),
  state: [],
  share: ({ eta }) => eta,
  kernel:
    (core, { eta }) =>
    ({ model, delta, columns }) =>
      core.fedAvg(model, delta, columns, eta),
});
