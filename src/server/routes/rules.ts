/** GET /v1/rules: the catalog of rules, pre-aggregators and optimizers. */
import * as z from 'zod';
import { rules } from '../../aggregation/pipeline.js';
import { optimizers } from '../../optimizers/optimizersByName.js';
import { route } from '../http/route.js';

const parameterSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  schema: z.record(z.string(), z.json()).describe('JSON schema of the values'),
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
  rules: z.array(
    z.strictObject({
      ...stage,
      kind: z.enum(['coordinate-wise', 'linear', 'pre-aggregator']),
      constraint: z.string().describe('requirement on the number of updates, such as n > 2f'),
    }),
  ),
  optimizers: z.array(
    z.strictObject({
      ...stage,
      kind: z.literal('server-optimizer'),
      state: z.array(z.string()).describe('vectors that it keeps between rounds'),
    }),
  ),
});

export const rulesRoute = route({
  method: 'GET',
  path: '/v1/rules',
  operation: 'rules',
  tag: 'server',
  summary: 'List all rules, pre-aggregators and optimizers',
  access: 'read',
  responses: {
    200: { description: 'The catalog, with all parameters', content: { 'application/json': rulesSchema } },
  },
  handle: ({ ctx }) => {
    ctx.body = { rules: rules(), optimizers: optimizers() };
  },
});
