/** GET /health/live, /health/ready: for whoever starts, watches and balances servers. */
import { z } from 'zod';
import { route } from '../route.js';

const statusSchema = z.strictObject({ status: z.enum(['live', 'ready', 'ending']) });
const json = { 'application/json': statusSchema };

export const live = route({
  method: 'GET',
  path: '/health/live',
  operation: 'live',
  tag: 'server',
  summary: 'Whether the process answers',
  access: 'public',
  always: true,
  answers: { 200: { description: 'It does.', content: json } },
  handle: ({ ctx }) => {
    ctx.body = { status: 'live' };
  },
});

export const ready = route({
  method: 'GET',
  path: '/health/ready',
  operation: 'ready',
  tag: 'server',
  summary: 'Whether the server takes requests',
  access: 'public',
  always: true,
  answers: {
    200: { description: 'It does.', content: json },
    503: { description: 'It is ending.', content: json },
  },
  handle: ({ ctx, services }) => {
    const { isEnding } = services.lifecycle;
    ctx.status = isEnding ? 503 : 200;
    ctx.body = { status: isEnding ? 'ending' : 'ready' };
  },
});
