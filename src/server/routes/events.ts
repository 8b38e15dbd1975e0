/**
 * GET /v1/events as a WebSocket. The upgrade never comes to this handler (socket.ts takes it); what does is a plain
 * request, which is told so.
 */
import { z } from 'zod';
import { QuorateError } from '../../errors.js';
import { nameSchema } from '../../protocol/names.js';
import { route } from '../http/route.js';
import { wholeNumberParameter } from './parameters.js';

export const eventsQuery = z.strictObject({
  since: wholeNumberParameter(
    0,
    Number.MAX_SAFE_INTEGER,
    'the last event that was seen; without it only new ones come',
  ).optional(),
  session: nameSchema.optional().describe('only the events of this session'),
  types: z
    .string()
    .regex(/^[a-z-]{1,40}(,[a-z-]{1,40}){0,31}$/, 'must be types of events, with commas between them')
    .optional()
    .describe('only events of these types, commas between them: a node need not hear of every update'),
  token: z.string().max(300).optional().describe('for whoever cannot send headers'),
});

export const eventsRoute = route({
  method: 'GET',
  path: '/v1/events',
  operation: 'events',
  tag: 'server',
  summary: 'Events of sessions, rounds and nodes, as a WebSocket',
  description:
    'First `{"type":"hello","first":…,"last":…,"server":…}`, then events `{"number":…,"atMs":…,"type":…}`. The token ' +
    'goes into Authorization, into ?token=, or into the subprotocols: `quorate` and `quorate.bearer.<token>`.',
  access: 'read',
  query: eventsQuery,
  headers: { Upgrade: 'websocket' },
  answers: { 101: { description: 'Events follow.' } },
  problems: ['UNKNOWN_SESSION', 'MALFORMED'],
  handle: () => {
    throw new QuorateError('MALFORMED', 'this address speaks WebSocket: ask for an upgrade');
  },
});
