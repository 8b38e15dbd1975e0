/** The rounds of a session, evaluations of their models, and metrics by round. */
import * as z from 'zod';
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
  summary: 'List the rounds in ascending order, in pages',
  access: 'read',
  params: sessionPath,
  query: pageQuery,
  responses: {
    200: {
      description: 'A page of rounds',
      content: {
        'application/json': z.strictObject({ rounds: z.array(roundSummarySchema), next: nextSchema }),
      },
    },
  },
  errors: ['UNKNOWN_SESSION'],
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
  summary: 'Show a round with its updates',
  access: 'read',
  params: roundPath,
  responses: { 200: { description: 'The round', content: { 'application/json': roundViewSchema } } },
  errors: ['UNKNOWN_SESSION', 'UNKNOWN_ROUND'],
  handle: async ({ ctx, params, services }) => {
    ctx.body = await services.coordinator.round(params.session, params.round);
  },
});

export const putEvaluation = route({
  method: 'PUT',
  path: '/v1/sessions/:session/rounds/:round/evaluations/:node',
  operation: 'putEvaluation',
  tag: 'rounds',
  summary: "Send a node's evaluation of the model of a round",
  access: 'own-node',
  params: roundNodePath,
  body: evaluationSchema,
  responses: { 204: { description: 'The evaluation is stored' } },
  errors: [
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
  summary: 'List the metrics of the rounds, in pages',
  access: 'read',
  params: sessionPath,
  query: pageQuery,
  responses: {
    200: {
      description: 'A page with one point per committed round',
      content: {
        'application/json': z.strictObject({ metrics: z.array(metricsPointSchema), next: nextSchema }),
      },
    },
  },
  errors: ['UNKNOWN_SESSION'],
  handle: async ({ ctx, params, query: { from, limit }, services }) => {
    const points = await services.coordinator.metrics(params.session, { from, limit: limit + 1 });
    const { page, next } = cutPage(points, limit, ({ round }) => round);
    ctx.body = { metrics: page, next };
  },
});
