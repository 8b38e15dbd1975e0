/** The entry `quorate/server`, in Node. */
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';

installHost(nodeHost);

export {
  configSchema,
  isAuthOn,
  redactConfig,
  type ServerConfig,
  type ServerConfigInput,
} from './config/config.js';
export { type ConfigSources, loadConfig, printConfig, type Setting, settings } from './config/loadConfig.js';
export { createServer, type Server, type ServerOptions } from './server.js';

// What the types above refer to: the coordinator's, and those of the protocol.
export type * from '../coordinator/index.js';
export type { Engine, EngineOptions } from '../core/engine.js';
export { type ErrorCode, QuorateError } from '../errors.js';
export type { Metrics } from '../protocol/names.js';
export type { SessionConfig, SessionConfigInput } from '../protocol/sessionConfig.js';
export type {
  Evaluation,
  MetricsPoint,
  ModelView,
  NodeRecord,
  NodeRegistration,
  NodeView,
  RoundSummary,
  RoundUpdate,
  RoundView,
  SessionView,
  UpdateReceipt,
} from '../protocol/views.js';
