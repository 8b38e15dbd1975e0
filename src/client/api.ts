/** What quorate/client offers on every host. */
export {
  type Client,
  type ClientOptions,
  type DownloadedModel,
  type EncodedUpdate,
  type Page,
  type Registered,
} from './client.js';
export type { EventsOptions, ServerEvent } from './eventStream.js';
export type { JoinOptions, Outcome } from './joinSession.js';
export type { Evaluate, Evaluated, NodeEvent, NodeModel, Train, Trained, Training } from './node.js';
export type { RetryOptions } from './retry.js';
export { type ErrorCode, QuorateError } from '../errors.js';
