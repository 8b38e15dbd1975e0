/** The rounds of a session, and the series that they make. */
import { z } from 'zod';
import {
  evaluationSchema,
  metricsPointSchema,
  roundSummarySchema,
  roundViewSchema,
} from '../../protocol/views.js';
import { route } from '../http/route.js';
import { cutPage, nextSchema, pageQuery, roundNodePath, roundPath, sessionPath } from './parameters.js';

export const listRounds = route({
  method: 'GET',
  path: '/v1/sessions/:session/rounds',
  operation: 'listRounds',
  tag: 'rounds',
  summary: 'The rounds, ascending, by pages',
  access: 'read',
  params: sessionPath,
  query: pageQuery,
  answers: {
    200: {
      description: 'A page.',
      content: {
        'application/json': z.strictObject({ rounds: z.array(roundSummarySchema), next: nextSchema }),
      },
    },
  },
  problems: ['UNKNOWN_SESSION'],
  handle: async ({ ctx, params, query: { from, limit }, services }) => {
    const rounds = await services.coordinator.rounds(params.session, { from, limit: limit + 1 });
    const { page, next } = cutPage(rounds, limit, ({ number }) => number);
    ctx.body = { rounds: page, next };
  },
});

export const getRound = route({
  method: 'GET',
  path: '/v1/sessions/:session/rounds/:round',
  operation: 'getRound',
  tag: 'rounds',
  summary: 'A round: its state, its updates, what became of them',
  access: 'read',
  params: roundPath,
  answers: { 200: { description: 'The round.', content: { 'application/json': roundViewSchema } } },
  problems: ['UNKNOWN_SESSION', 'UNKNOWN_ROUND'],
  handle: async ({ ctx, params, services }) => {
    ctx.body = await services.coordinator.round(params.session, params.round);
  },
});

export const putEvaluation = route({
  method: 'PUT',
  path: '/v1/sessions/:session/rounds/:round/evaluations/:node',
  operation: 'putEvaluation',
  tag: 'rounds',
  summary: 'Tell how good a node found the model of a round',
  access: 'own-node',
  params: roundNodePath,
  body: evaluationSchema,
  answers: { 204: { description: 'It is noted.' } },
  problems: [
    'UNKNOWN_SESSION',
    'UNKNOWN_NODE',
    'ROUND_NOT_OPEN',
    'ROUND_CLOSED',
    'CONFLICTING_UPDATE',
    'NODE_EXCLUDED',
    'NOT_YOUR_NODE',
    'STORE_FULL',
  ],
  handle: async ({ ctx, params, body, services }) => {
    await services.coordinator.receiveEvaluation(params.session, params.round, params.node, body);
    ctx.status = 204;
  },
});

export const getMetrics = route({
  method: 'GET',
  path: '/v1/sessions/:session/metrics',
  operation: 'getMetrics',
  tag: 'rounds',
  summary: 'The series that the rounds make, by pages',
  access: 'read',
  params: sessionPath,
  query: pageQuery,
  answers: {
    200: {
      description: 'A page; one point a committed round.',
      content: {
        'application/json': z.strictObject({ metrics: z.array(metricsPointSchema), next: nextSchema }),
      },
    },
  },
  problems: ['UNKNOWN_SESSION'],
  handle: async ({ ctx, params, query: { from, limit }, services }) => {
    const points = await services.coordinator.metrics(params.session, { from, limit: limit + 1 });
    const { page, next } = cutPage(points, limit, ({ round }) => round);
    ctx.body = { metrics: page, next };
  },
});
