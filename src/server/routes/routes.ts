/** The table of all routes. The router and the OpenAPI document are built from it. */
import type { Route } from '../http/route.js';
import { aggregateRoute } from './aggregate.js';
import { eventsRoute } from './events.js';
import { getCheckpoint, getModel, listCheckpoints, putModel } from './models.js';
import { getNode, heartbeat, listNodes, registerNode, removeNode } from './nodes.js';
import { getMetrics, getRound, listRounds, putEvaluation } from './rounds.js';
import { rulesRoute } from './rules.js';
import { createSession, deleteSession, getSession, listSessions, sessionChanges } from './sessions.js';
import { config, live, ready, status } from './status.js';
import { getUpdate, putUpdate } from './updates.js';

export const routes: readonly Route[] = [
  live,
  ready,
  status,
  config,
  rulesRoute,
  eventsRoute,
  aggregateRoute,
  registerNode,
  listNodes,
  getNode,
  removeNode,
  heartbeat,
  createSession,
  listSessions,
  getSession,
  deleteSession,
  ...sessionChanges,
  putModel,
  getModel,
  listCheckpoints,
  getCheckpoint,
  listRounds,
  getRound,
  putUpdate,
  getUpdate,
  putEvaluation,
  getMetrics,
];
