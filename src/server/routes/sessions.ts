/** /v1/sessions: creating, controlling and deleting sessions. */
import * as z from 'zod';
import type { Coordinator } from '../../coordinator/coordinator.js';
import { nameSchema } from '../../protocol/names.js';
import { sessionConfigSchema } from '../../protocol/sessionConfig.js';
import { sessionViewSchema } from '../../protocol/views.js';
import { type Route, route } from '../http/route.js';
import { byId, sessionPath } from './parameters.js';

const session = { 'application/json': sessionViewSchema };

export const createSession = route({
  method: 'POST',
  path: '/v1/sessions',
  operation: 'createSession',
  tag: 'sessions',
  summary: 'Create a session',
  description: 'Repeating the request with the same configuration returns the existing session.',
  access: 'admin',
  body: sessionConfigSchema,
  responses: {
    201: { description: 'The new session, which has no model yet', content: session },
    200: { description: 'The session existed already', content: session },
  },
  errors: ['SESSION_EXISTS', 'UNKNOWN_RULE', 'TOO_FEW_UPDATES'],
  handle: async ({ ctx, body, services: { coordinator } }) => {
    const existed = coordinator.sessions().some(({ id }) => id === body.id);
    ctx.body = await coordinator.createSession(body);
    ctx.status = existed ? 200 : 201;
  },
});

export const listSessions = route({
  method: 'GET',
  path: '/v1/sessions',
  operation: 'listSessions',
  tag: 'sessions',
  summary: 'List all sessions',
  access: 'read',
  responses: {
    200: {
      description: 'The sessions, by ascending id',
      content: { 'application/json': z.strictObject({ sessions: z.array(sessionViewSchema) }) },
    },
  },
  handle: ({ ctx, services }) => {
    ctx.body = { sessions: byId(services.coordinator.sessions()) };
  },
});

export const getSession = route({
  method: 'GET',
  path: '/v1/sessions/:session',
  operation: 'getSession',
  tag: 'sessions',
  summary: 'Show a session with its current round and nodes',
  access: 'read',
  params: sessionPath,
  query: z.strictObject({
    node: nameSchema.optional().describe('include the record of this node only'),
  }),
  responses: { 200: { description: 'The session', content: session } },
  errors: ['UNKNOWN_SESSION'],
  handle: ({ ctx, params, query, services }) => {
    ctx.body = services.coordinator.session(params.session, query.node);
  },
});

export const deleteSession = route({
  method: 'DELETE',
  path: '/v1/sessions/:session',
  operation: 'deleteSession',
  tag: 'sessions',
  summary: 'Delete a session and everything stored for it',
  access: 'admin',
  params: sessionPath,
  responses: { 204: { description: 'The session is deleted' } },
  errors: ['UNKNOWN_SESSION'],
  handle: async ({ ctx, params, services }) => {
    await services.coordinator.deleteSession(params.session);
    ctx.status = 204;
  },
});

type Change = 'start' | 'pause' | 'resume' | 'stop';

const summaries: Readonly<Record<Change, string>> = {
  start: 'Start a session that has a model',
  pause: 'Pause a session; the current round may still be committed',
  resume: 'Resume a paused session',
  stop: 'Stop a session for good; the current round is discarded',
};

const change = (verb: Change, work: (coordinator: Coordinator, id: string) => Promise<unknown>): Route =>
  route({
    method: 'POST',
    path: `/v1/sessions/:session/${verb}`,
    operation: `${verb}Session`,
    tag: 'sessions',
    summary: summaries[verb],
    access: 'admin',
    params: sessionPath,
    responses: { 200: { description: 'The session', content: session } },
    errors: ['UNKNOWN_SESSION', 'WRONG_STATE', ...(verb === 'start' ? (['NO_MODEL'] as const) : [])],
    handle: async ({ ctx, params, services: { coordinator } }) => {
      ctx.body = await work(coordinator, params.session);
    },
  });

export const sessionChanges: readonly Route[] = [
  change('start', (coordinator, id) => coordinator.start(id)),
  change('pause', (coordinator, id) => coordinator.pause(id)),
  change('resume', (coordinator, id) => coordinator.resume(id)),
  change('stop', (coordinator, id) => coordinator.stop(id)),
];
