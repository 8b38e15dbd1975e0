/** GET /v1/status: the server at a glance. */
import { z } from 'zod';
import { nodeStatusSchema, sessionStatusSchema } from '../../protocol/views.js';
import { version } from '../../manifest.js';
import { configSchema, redactConfig } from '../config/config.js';
import { route } from '../http/route.js';

const count = z.int().min(0);

const statusSchema = z.strictObject({
  version: z.string(),
  upSeconds: z.number(),
  ready: z.boolean(),
  auth: z.boolean().describe('whether tokens are asked for'),
  nodes: z.record(nodeStatusSchema, count).describe('nodes by status'),
  sessions: z.record(sessionStatusSchema, count).describe('sessions by status'),
  sockets: count.describe('open event sockets'),
  events: z
    .strictObject({ first: z.int(), last: z.int() })
    .describe('the numbers of the events that are kept'),
  memory: z.strictObject({ rssBytes: count, heapBytes: count }),
});

function countBy<K extends string>(
  keys: readonly K[],
  items: readonly { readonly status: K }[],
): Record<K, number> {
  const counts = Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
  for (const { status } of items) counts[status]++;
  return counts;
}

export const status = route({
  method: 'GET',
  path: '/v1/status',
  operation: 'status',
  tag: 'server',
  summary: 'The server at a glance',
  access: 'read',
  answers: { 200: { description: 'Its state.', content: { 'application/json': statusSchema } } },
  handle: ({ ctx, services: { coordinator, lifecycle, isAuthOn, sockets } }) => {
    const { rss, heapUsed } = process.memoryUsage();
    const { first, last } = coordinator.events;
    ctx.body = {
      version,
      upSeconds: Math.round(process.uptime()),
      ready: !lifecycle.isEnding,
      auth: isAuthOn,
      nodes: countBy(nodeStatusSchema.options, coordinator.nodes()),
      sessions: countBy(sessionStatusSchema.options, coordinator.sessions()),
      sockets: sockets(),
      events: { first, last },
      memory: { rssBytes: rss, heapBytes: heapUsed },
    };
  },
});

/** GET /health/live, /health/ready: for whoever starts, watches and balances servers. */
const healthSchema = z.strictObject({ status: z.enum(['live', 'ready', 'ending']) });
const json = { 'application/json': healthSchema };

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

/** GET /v1/config: what the server was told to be, secrets not shown. */
export const config = route({
  method: 'GET',
  path: '/v1/config',
  operation: 'config',
  tag: 'server',
  summary: "The server's configuration, secrets not shown",
  access: 'read',
  answers: { 200: { description: 'All of it.', content: { 'application/json': configSchema } } },
  handle: ({ ctx, services }) => {
    ctx.body = redactConfig(services.config);
  },
});
