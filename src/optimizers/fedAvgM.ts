/** m ← β·m + Δ, w ← w + η·m */
import { z } from 'zod';
import { beta, eta } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

export const fedAvgM = serverOptimizer({
  name: 'fed-avg-m',
  summary: 'Federated averaging with momentum on the server.',
  source: 'Hsu et al. 2019 (arXiv:1909.06335)',
  parameters: z.strictObject({ eta: eta(1), beta: beta(0.9, 'momentum') }),
  state: ['momentum'],
  kernel:
    (core, { eta, beta }) =>
    ({ model, delta, momentum, columns }) =>
      core.fedAvgM(model, delta, momentum, columns, eta, beta),
});
