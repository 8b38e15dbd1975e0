import type { Clock } from '../core/clock.js';
import type { Engine } from '../core/engine.js';
import type { UpdateFormat } from '../formats/decoder.js';
import type { SessionConfigInput } from '../protocol/sessionConfig.js';
import type {
  Evaluation,
  MetricsPoint,
  ModelView,
  NodeRegistration,
  NodeView,
  RoundSummary,
  RoundView,
  SessionView,
  UpdateReceipt,
} from '../protocol/views.js';
import type { IncomingUpdate } from './ingest/readChunks.js';
import type { Model, StoredModel } from './session/models.js';
import type { EvaluateModel, OnStep } from './session/session.js';
import type { CheckpointSummary, NumberedEvent, Store, TensorShape } from '../store/store.js';

export type { UpdateFormat };

/** Options of `createCoordinator`. */
export interface CoordinatorOptions {
  /** Holds the coordinator's data, and is closed with it. */
  readonly store: Store;
  /** Aggregates the rounds of all sessions. Default: an engine of the coordinator's own, with one thread per core. */
  readonly engine?: Engine;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Measures each model before it is committed; its metrics are announced with the round. */
  readonly evaluate?: EvaluateModel;
  /** Whether the SHA-256 of each update is computed while it arrives. Default: true; otherwise only when it is needed. */
  readonly digests?: boolean;
  /**
   * A node is expected to send a heartbeat every `heartbeatMs`. It is suspect after `suspectAfter` missed ones, and lost
   * after `lostAfter`. Default: 5000, 2, 4.
   */
  readonly liveness?: {
    readonly heartbeatMs: number;
    readonly suspectAfter: number;
    readonly lostAfter: number;
  };
  /** Whether nodes get tokens. Default: false. */
  readonly tokens?: boolean;
  /** How many nodes may be registered at a time. Default: 10,000. */
  readonly maxNodes?: number;
  /** Called with each event of a session's rounds and the state after it. Replaying the events gives the same states. */
  readonly onStep?: OnStep;
  /** Called with failures of background work. `context` names the session, for one. */
  readonly onError?: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** What an update has to look like. */
export interface UpdateRequirements {
  /** Number of float32 values. */
  readonly d: number;
  /** The model's tensors, in the order of their values. */
  readonly tensors: readonly TensorShape[];
}

/** The events of all sessions and nodes, as subscribers receive them. */
export interface EventFeed {
  /** Number of the newest event; 0: none yet. */
  readonly last: number;
  /** Number of the oldest event that is still kept. */
  readonly first: number;
  /** The events after `number`, oldest first, at most `limit`. */
  since(number: number, limit: number): readonly NumberedEvent[];
  /**
   * @param listener called synchronously with each new event, in order; what it throws is reported
   * @returns ends the subscription
   */
  subscribe(listener: (event: NumberedEvent) => void): () => void;
}

/**
 * Sessions with their nodes and rounds, on a store; no HTTP. It runs the effects that the state machine of the rounds
 * yields, and sends their results back to it as events.
 *
 * Methods that name a session or a node throw UNKNOWN_SESSION or UNKNOWN_NODE if there is none. Those that change
 * something throw SHUTTING_DOWN once the coordinator is closing, and STORE_FULL or STORE_FAILED if the change can't be
 * made durable; what they return is durable.
 */
export interface Coordinator {
  /** The events of all sessions and nodes, numbered from 1. */
  readonly events: EventFeed;

  /**
   * Registers a node, or recognizes one that returns, which may take part in more sessions than before.
   *
   * @returns `token`: null unless tokens are on and this call made one or confirmed the one that was sent
   * @throws QuorateError NODE_EXISTS if another node has this id; TOO_MANY_NODES; INVALID_PARAMETER, UNKNOWN_PARAMETER
   */
  registerNode(
    registration: NodeRegistration,
  ): Promise<{ node: NodeView; token: string | null; created: boolean }>;
  /** The node that a token belongs to; null: none. Takes the same time for every token. */
  nodeOfToken(token: string): string | null;
  /** All registered nodes. */
  nodes(): readonly NodeView[];
  /** @throws QuorateError UNKNOWN_NODE */
  node(id: string): NodeView;
  /** A sign of life. */
  heartbeat(id: string): NodeView;
  /** Revokes the node's token and removes it from its sessions. @throws QuorateError UNKNOWN_NODE, STORE_FULL, STORE_FAILED */
  removeNode(id: string): Promise<void>;

  /**
   * Creates a session. Repeating it with the same configuration returns the session that exists.
   *
   * @throws QuorateError SESSION_EXISTS if it has another configuration; what `planSession` throws
   */
  createSession(config: SessionConfigInput): Promise<SessionView>;
  /** All sessions. */
  sessions(): readonly SessionView[];
  /** A session. @param node restricts the view's nodes to this one. @throws QuorateError UNKNOWN_SESSION */
  session(id: string, node?: string): SessionView;
  /** @throws QuorateError NO_MODEL, WRONG_STATE */
  start(id: string): Promise<SessionView>;
  /** The current round continues; no other opens. @throws QuorateError WRONG_STATE */
  pause(id: string): Promise<SessionView>;
  /** @throws QuorateError WRONG_STATE */
  resume(id: string): Promise<SessionView>;
  /** Ends the session. The current round is discarded, unless its commit is being written. @throws QuorateError WRONG_STATE */
  stop(id: string): Promise<SessionView>;
  /** Removes a session with its models, rounds and updates. */
  deleteSession(id: string): Promise<void>;

  /**
   * Sets the initial model; only before the session is started.
   *
   * @param model its values are handed over: neither side writes to them from then on
   * @param condition called with the model that is to be replaced, or null; if it throws, nothing is changed. No other
   *   model is set between the call and the change
   * @throws QuorateError WRONG_STATE, BAD_TYPE, EMPTY_INPUT, BAD_SHAPE, NON_FINITE, INVALID_PARAMETER
   */
  setModel(
    session: string,
    model: Model,
    condition?: (current: StoredModel | null) => void | Promise<void>,
  ): Promise<ModelView>;
  /**
   * @param round default: the newest committed one
   * @returns values that must not be written to
   * @throws QuorateError NO_MODEL, UNKNOWN_ROUND, CORRUPT_FILE
   */
  model(session: string, round?: number): Promise<StoredModel>;
  /** Those that are kept and whole, ascending by round. */
  checkpoints(session: string): Promise<readonly CheckpointSummary[]>;

  /** Committed rounds in ascending order, then the current one, from round `from` on. */
  rounds(session: string, page: { from: number; limit: number }): Promise<readonly RoundSummary[]>;
  /** @throws QuorateError UNKNOWN_ROUND, CORRUPT_FILE */
  round(session: string, number: number): Promise<RoundView>;
  /**
   * Decides whether an update would be taken now, before its body is read.
   *
   * @throws QuorateError NO_MODEL, NODE_EXCLUDED, NOT_ASKED, ROUND_NOT_OPEN, ROUND_CLOSED, STALE_UPDATE
   */
  admitUpdate(incoming: Pick<IncomingUpdate, 'session' | 'round' | 'node'>): UpdateRequirements;
  /**
   * Reads an update into the round. Once it resolves, the update is durable and in the round exactly once. Repeating it
   * with the same values is safe.
   *
   * @throws QuorateError what `admitUpdate` throws; CONFLICTING_UPDATE, INCOMPLETE_UPLOAD, BAD_DIGEST, BAD_SHAPE,
   *   NON_FINITE, what the decoder of `format` throws
   */
  receiveUpdate(incoming: IncomingUpdate): Promise<UpdateReceipt>;
  /**
   * An update of the current round, or of a committed one that is still kept. `bytes`: its float32 values, little-endian.
   *
   * @throws QuorateError UNKNOWN_ROUND, UNKNOWN_UPDATE, CORRUPT_FILE
   */
  update(
    session: string,
    round: number,
    node: string,
  ): Promise<{ sizeBytes: number; digest: string | null; bytes: AsyncIterable<Uint8Array> }>;
  /**
   * Takes a node's evaluation of the newest model. Repeating it is safe.
   *
   * @throws QuorateError NODE_EXCLUDED, ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE
   */
  receiveEvaluation(session: string, round: number, node: string, evaluation: Evaluation): Promise<void>;
  /** One point per committed round, ascending, from round `from` on. */
  metrics(session: string, page: { from: number; limit: number }): Promise<readonly MetricsPoint[]>;

  /** Accepts nothing more, finishes what is being written, and closes the store. */
  close(): Promise<void>;
}
