/**
 * WS /v1/events, for the OpenAPI document. Upgrade requests are handled in sockets/; only plain requests reach the handler
 * here.
 */
import * as z from 'zod';
import { QuorateError } from '../../errors.js';
import { nameSchema } from '../../protocol/names.js';
import { route } from '../http/route.js';
import { wholeNumber } from './parameters.js';

export const eventsQuery = z.strictObject({
  since: wholeNumber(
    0,
    Number.MAX_SAFE_INTEGER,
    'number of the last event that was received; without it, only new events are sent',
  ).optional(),
  session: nameSchema.optional().describe('only events of this session'),
  types: z
    .string()
    .regex(/^[a-z-]{1,40}(,[a-z-]{1,40}){0,31}$/, 'must be a comma-separated list of event types')
    .optional()
    .describe('only events of these types, separated by commas'),
  token: z.string().max(300).trim().optional().describe('the token, for clients that cannot send headers'),
});

export const eventsRoute = route({
  method: 'GET',
  path: '/v1/events',
  operation: 'events',
  tag: 'server',
  summary: 'Events of sessions, rounds and nodes, over a WebSocket',
  description:
    'The first message is `{"type":"hello","first":…,"last":…,"server":…}`. Every further message is an event: ' +
    '`{"number":…,"atMs":…,"type":…}`. The token may be sent in Authorization, as `?token=`, or as a pair of subprotocols: ' +
    '`quorate` and `quorate.bearer.<token>`.',
  access: 'read',
  query: eventsQuery,
  headers: { Upgrade: 'websocket' },
  responses: { 101: { description: 'The socket is open; events follow' } },
  errors: ['UNKNOWN_SESSION', 'MALFORMED'],
  handle: () => {
    throw new QuorateError('MALFORMED', 'this address requires a WebSocket upgrade');
  },
});
