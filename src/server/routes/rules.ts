/** GET /v1/rules: what pipelines and optimizers are made of. */
import { z } from 'zod';
import { optimizers } from '../../optimizers/optimizersByName.js';
import { rules as describeRules } from '../../aggregation/pipeline.js';
import { route } from '../http/route.js';

const parameterSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  schema: z.record(z.string(), z.json()).describe('a JSON schema of its values'),
  required: z.boolean(),
  default: z.json().optional(),
});

const stage = {
  name: z.string(),
  summary: z.string(),
  parameters: z.array(parameterSchema),
  source: z.string(),
};

const rulesSchema = z.strictObject({
  rulesRoute: z.array(
    z.strictObject({
      ...stage,
      kind: z.enum(['coordinate-wise', 'linear', 'pre-aggregator']),
      constraint: z.string().describe("on the number of updates: 'n > 2f'"),
    }),
  ),
  optimizers: z.array(
    z.strictObject({
      ...stage,
      kind: z.literal('server-optimizer'),
      state: z.array(z.string()).describe('vectors that it keeps from round to round'),
    }),
  ),
});

export const rules = route({
  method: 'GET',
  path: '/v1/rules',
  operation: 'rules',
  tag: 'server',
  summary: 'All rules, pre-aggregators and optimizers',
  access: 'read',
  answers: {
    200: { description: 'Each with its parameters.', content: { 'application/json': rulesSchema } },
  },
  handle: ({ ctx }) => {
    ctx.body = { rules: describeRules(), optimizers: optimizers() };
  },
});
