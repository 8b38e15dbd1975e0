/**
 * The coordinator: sessions, their nodes and rounds, on a store. No HTTP here. It runs the effects that
 * src/rounds/ decides on, and feeds what comes of them back as events.
 */
import type { Engine } from '../core/engine.js';
import type { UpdateFormat } from '../formats/updateFormat.js';
import type { SessionConfigInput } from '../protocol/session.js';
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
import type { SessionEvent, SessionState } from '../rounds/state.js';
import type { CheckpointSummary, NumberedEvent, Store, TensorShape } from '../store/store.js';

export type { UpdateFormat };

/** Time, so that tests have their own. */
export interface Clock {
  now(): number;
  /** Calls back once, at the time or later; the returned function cancels. Must not keep the process alive. */
  at(timeMs: number, callback: () => void): () => void;
}

export interface Model {
  readonly tensors: readonly TensorShape[];
  /** d float32; handed over: not written to by either side from then on. */
  readonly values: Float32Array;
}

export interface StoredModel extends Model {
  readonly round: number;
  /** SHA-256 of the float32 bytes, in hex. */
  readonly digest: string;
}

export interface CoordinatorOptions {
  readonly store: Store;
  /** Aggregates; default: one of its own with a thread a core. */
  readonly engine?: Engine;
  readonly clock?: Clock;
  /** Measures each committed model, before it is announced. */
  readonly evaluate?: (model: StoredModel, session: string) => Promise<Readonly<Record<string, number>>>;
  /** Whether the SHA-256 of each update is taken while it arrives. Default: true. Without, it is taken when needed. */
  readonly digests?: boolean;
  /** A node should be heard every heartbeatMs; it is suspect, then lost, after so many were missed. */
  readonly liveness?: {
    readonly heartbeatMs: number;
    readonly suspectAfter: number;
    readonly lostAfter: number;
  };
  /** Whether nodes get tokens. Default: false. */
  readonly tokens?: boolean;
  /** Told of each event of a session's rounds, and of the state after it: replaying the events leads to that state. */
  readonly onStep?: (session: string, event: SessionEvent, state: SessionState) => void;
  /** Told of what goes wrong in the background. */
  readonly onError?: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** An update on its way in: the bytes as they come from the socket. */
export interface IncomingUpdate {
  readonly session: string;
  readonly round: number;
  readonly node: string;
  /** How the body is encoded. */
  readonly format: UpdateFormat;
  /** A Node stream costs least; where it is given up, it is left open and paused. An iterable is ended. */
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Whether the body's chunks are the coordinator's to use up: their memory is freed as soon as it may be, or given to
   * another thread, and their length is 0 then. Default: false, they are only read.
   */
  readonly givesChunks?: boolean;
  /** Of the body as sent (RFC 9530), if the sender gave it. */
  readonly bodyDigest: Uint8Array | null;
  readonly numExamples: number | null;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What an update must be. */
export interface UpdateRequirements {
  readonly d: number;
  readonly tensors: readonly TensorShape[];
}

export interface EventFeed {
  readonly last: number;
  readonly first: number;
  since(number: number, limit: number): readonly NumberedEvent[];
  /** Called for each new event, in order, synchronously. Returns what ends it. */
  subscribe(listener: (event: NumberedEvent) => void): () => void;
}

export interface Coordinator {
  readonly events: EventFeed;

  /** The same again is the same node coming back. Token: only if tokens are on, when it is made, or as it was sent. */
  registerNode(
    registration: NodeRegistration,
  ): Promise<{ node: NodeView; token: string | null; created: boolean }>;
  /** The node that a token belongs to; null: none. Constant time in the token. */
  nodeOfToken(token: string): string | null;
  nodes(): readonly NodeView[];
  node(id: string): NodeView;
  heartbeat(id: string): NodeView;
  removeNode(id: string): Promise<void>;

  createSession(config: SessionConfigInput): Promise<SessionView>;
  sessions(): readonly SessionView[];
  /** @param node only this one's record among the nodes; none if it has none */
  session(id: string, node?: string): SessionView;
  start(id: string): Promise<SessionView>;
  pause(id: string): Promise<SessionView>;
  resume(id: string): Promise<SessionView>;
  stop(id: string): Promise<SessionView>;
  deleteSession(id: string): Promise<void>;

  /** The initial model; only before the session is started. */
  setModel(session: string, model: Model): Promise<ModelView>;
  /** @param round default: the newest committed */
  model(session: string, round?: number): Promise<StoredModel>;
  checkpoints(session: string): Promise<readonly CheckpointSummary[]>;

  rounds(session: string, page: { from: number; limit: number }): Promise<readonly RoundSummary[]>;
  round(session: string, number: number): Promise<RoundView>;
  /** What an update must be, before its body is read. @throws QuorateError whatever would refuse it */
  admitUpdate(incoming: Pick<IncomingUpdate, 'session' | 'round' | 'node'>): UpdateRequirements;
  receiveUpdate(incoming: IncomingUpdate): Promise<UpdateReceipt>;
  update(
    session: string,
    round: number,
    node: string,
  ): Promise<{ sizeBytes: number; digest: string | null; bytes: AsyncIterable<Uint8Array> }>;
  receiveEvaluation(session: string, round: number, node: string, evaluation: Evaluation): Promise<void>;
  metrics(session: string, page: { from: number; limit: number }): Promise<readonly MetricsPoint[]>;

  /** Takes nothing more, lets what is being written finish, closes the store. */
  close(): Promise<void>;
}
