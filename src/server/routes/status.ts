/** Status, health and configuration of the server. */
import * as z from 'zod';
import { version } from '../../manifest.js';
import { nodeStatusSchema, sessionStatusSchema } from '../../protocol/views.js';
import { configSchema, redactConfig } from '../config/config.js';
import { route } from '../http/route.js';

const count = z.int().min(0);

const statusSchema = z.strictObject({
  version: z.string(),
  upSeconds: z.number(),
  ready: z.boolean(),
  auth: z.boolean().describe('whether requests need a token'),
  nodes: z.record(nodeStatusSchema, count).describe('number of nodes by status'),
  sessions: z.record(sessionStatusSchema, count).describe('number of sessions by status'),
  sockets: count.describe('number of open event sockets'),
  events: z
    .strictObject({ first: z.int(), last: z.int() })
    .describe('numbers of the oldest and newest event that are kept'),
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
  summary: 'Show the status of the server',
  access: 'read',
  responses: { 200: { description: 'The status', content: { 'application/json': statusSchema } } },
  handle: ({ ctx, services: { coordinator, lifecycle, isAuthOn, openSockets } }) => {
    const { rss, heapUsed } = process.memoryUsage();
    const { first, last } = coordinator.events;
    ctx.body = {
      version,
      upSeconds: Math.round(process.uptime()),
      ready: !lifecycle.isShuttingDown,
      auth: isAuthOn,
      nodes: countBy(nodeStatusSchema.options, coordinator.nodes()),
      sessions: countBy(sessionStatusSchema.options, coordinator.sessions()),
      sockets: openSockets(),
      events: { first, last },
      memory: { rssBytes: rss, heapBytes: heapUsed },
    };
  },
});

const healthSchema = z.strictObject({ status: z.enum(['live', 'ready', 'shutting-down']) });
const healthContent = { 'application/json': healthSchema };

export const live = route({
  method: 'GET',
  path: '/health/live',
  operation: 'live',
  tag: 'server',
  summary: 'Check that the process is alive',
  access: 'public',
  alwaysAvailable: true,
  responses: { 200: { description: 'The process is alive', content: healthContent } },
  handle: ({ ctx }) => {
    ctx.body = { status: 'live' };
  },
});

export const ready = route({
  method: 'GET',
  path: '/health/ready',
  operation: 'ready',
  tag: 'server',
  summary: 'Check that the server accepts requests',
  access: 'public',
  alwaysAvailable: true,
  responses: {
    200: { description: 'The server accepts requests', content: healthContent },
    503: { description: 'The server is shutting down', content: healthContent },
  },
  handle: ({ ctx, services }) => {
    const { isShuttingDown } = services.lifecycle;
    ctx.status = isShuttingDown ? 503 : 200;
    ctx.body = { status: isShuttingDown ? 'shutting-down' : 'ready' };
  },
});

export const config = route({
  method: 'GET',
  path: '/v1/config',
  operation: 'config',
  tag: 'server',
  summary: 'Show the configuration, without secrets',
  access: 'read',
  responses: {
    200: { description: 'The complete configuration', content: { 'application/json': configSchema } },
  },
  handle: ({ ctx, services }) => {
    ctx.body = redactConfig(services.config);
  },
});
