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

// What the types above refer to.
export type { Coordinator, EventFeed, UpdateFormat, UpdateRequirements } from '../coordinator/coordinator.js';
export type { IncomingUpdate } from '../coordinator/ingest/readChunks.js';
export type { Model, StoredModel } from '../coordinator/session/models.js';
export type { Batch, Engine, EngineOptions } from '../core/engine.js';
export { type ErrorCode, QuorateError } from '../errors.js';
export type { TensorShape } from '../formats/tensorShape.js';
export type { Metrics } from '../protocol/names.js';
export type { SessionConfig, SessionConfigInput } from '../protocol/sessionConfig.js';
export type {
  Evaluation,
  MetricsPoint,
  ModelView,
  NodeRecordView,
  NodeRegistration,
  NodeView,
  RoundSummary,
  RoundUpdate,
  RoundView,
  SessionView,
  UpdateReceipt,
} from '../protocol/views.js';
export type { CheckpointSummary, NumberedEvent } from '../store/store.js';
