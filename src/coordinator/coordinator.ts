/**
 * The coordinator: sessions, their nodes and rounds, on a store. No HTTP here. It runs the effects that
 * src/rounds/ decides on, and feeds what comes of them back as events.
 */
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

export interface CoordinatorOptions {
  readonly store: Store;
  /** Aggregates; default: one of its own with a thread a core. */
  readonly engine?: Engine;
  readonly clock?: Clock;
  /** Measures each committed model, before it is announced. */
  readonly evaluate?: EvaluateModel;
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
  readonly onStep?: OnStep;
  /** Told of what goes wrong in the background. */
  readonly onError?: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
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
