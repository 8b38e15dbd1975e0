/** /v1/sessions: trainings, and what their owner does with them. */
import { z } from 'zod';
import { nameSchema } from '../../protocol/names.js';
import { sessionConfigSchema } from '../../protocol/sessionConfig.js';
import { sessionViewSchema } from '../../protocol/views.js';
import type { Coordinator } from '../../coordinator/coordinator.js';
import { type Route, route } from '../http/route.js';
import { byId, sessionPath } from './parameters.js';

const session = { 'application/json': sessionViewSchema };

export const createSession = route({
  method: 'POST',
  path: '/v1/sessions',
  operation: 'createSession',
  tag: 'sessions',
  summary: 'Create a session; the same configuration again is the same session',
  access: 'admin',
  body: sessionConfigSchema,
  answers: {
    201: { description: 'The session; it has no model yet.', content: session },
    200: { description: 'It was there already.', content: session },
  },
  problems: ['SESSION_EXISTS', 'UNKNOWN_RULE', 'TOO_FEW_UPDATES'],
  handle: async ({ ctx, body, services: { coordinator } }) => {
    const wasThere = coordinator.sessions().some(({ id }) => id === body.id);
    ctx.body = await coordinator.createSession(body);
    ctx.status = wasThere ? 200 : 201;
  },
});

export const listSessions = route({
  method: 'GET',
  path: '/v1/sessions',
  operation: 'listSessions',
  tag: 'sessions',
  summary: 'All sessions',
  access: 'read',
  answers: {
    200: {
      description: 'In the order of their ids.',
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
  summary: 'A session: its state, its round, its nodes',
  access: 'read',
  params: sessionPath,
  query: z.strictObject({
    node: nameSchema.optional().describe('only this node, where there are too many to read all'),
  }),
  answers: { 200: { description: 'The session.', content: session } },
  problems: ['UNKNOWN_SESSION'],
  handle: ({ ctx, params, query, services }) => {
    ctx.body = services.coordinator.session(params.session, query.node);
  },
});

export const deleteSession = route({
  method: 'DELETE',
  path: '/v1/sessions/:session',
  operation: 'deleteSession',
  tag: 'sessions',
  summary: 'Delete a session with all that is kept of it',
  access: 'admin',
  params: sessionPath,
  answers: { 204: { description: 'It is gone.' } },
  problems: ['UNKNOWN_SESSION'],
  handle: async ({ ctx, params, services }) => {
    await services.coordinator.deleteSession(params.session);
    ctx.status = 204;
  },
});

type Change = 'start' | 'pause' | 'resume' | 'stop';

const summaries: Readonly<Record<Change, string>> = {
  start: 'Start a session that has a model',
  pause: 'Open no new round; the one under way may still be committed',
  resume: 'Go on after a pause',
  stop: 'End a session; the round under way is discarded',
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
    answers: { 200: { description: 'The session.', content: session } },
    problems: ['UNKNOWN_SESSION', 'WRONG_STATE', ...(verb === 'start' ? (['NO_MODEL'] as const) : [])],
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
