/** The part of `quorate/client` that is the same on every host. */
export type { Encoding } from '../core/codec.js';
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
export type {
  Client,
  ClientOptions,
  DownloadedModel,
  EncodedUpdate,
  PageOptions,
  Registered,
} from './client.js';
export type { EventsOptions, ServerEvent } from './eventStream.js';
export type { JoinOptions, Outcome } from './joinSession.js';
export type { Evaluate, Evaluated, NodeEvent, NodeModel, Train, Trained, Training } from './node.js';
export type { RetryOptions } from './retry.js';
