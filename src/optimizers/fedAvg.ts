/** w ← w + η·Δ; with η = 1 the model becomes the aggregate. */
import { z } from 'zod';
import { eta } from './parameters.js';
import { serverOptimizer } from './serverOptimizer.js';

export const fedAvg = serverOptimizer({
  name: 'fed-avg',
  summary: 'Moves the model towards the aggregate, or all the way.',
  source: 'McMahan et al. 2017 (arXiv:1602.05629)',
  parameters: z.strictObject({ eta: eta(1) }),
  state: [],
  kernel:
    (core, { eta }) =>
    ({ model, delta, columns }) =>
      core.fedAvg(model, delta, columns, eta),
});
