/** All routes. The router and the OpenAPI document are made of this table: a route that is not here does not exist. */
import type { Route } from '../route.js';
import { aggregate } from './aggregate.js';
import { config } from './config.js';
import { events } from './events.js';
import { live, ready } from './health.js';
import { getCheckpoint, getModel, listCheckpoints, putModel } from './models.js';
import { getNode, heartbeat, listNodes, registerNode, removeNode } from './nodes.js';
import { getMetrics, getRound, listRounds, putEvaluation } from './rounds.js';
import { rules } from './rules.js';
import { createSession, deleteSession, getSession, listSessions, sessionChanges } from './sessions.js';
import { status } from './status.js';
import { getUpdate, putUpdate } from './updates.js';

export const routes: readonly Route[] = [
  live,
  ready,
  status,
  config,
  rules,
  events,
  aggregate,
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
