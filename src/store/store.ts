/**
 * Where a coordinator keeps what must not be lost. Two kinds: memory (memory.ts), for tests and for training that may
 * be started again, and disk (disk.ts), which keeps each promise through a crash.
 *
 *   journal       nodes, sessions, evaluations: small records, durable when `record` resolves
 *   checkpoints   the model after each round, with the optimizer's state and the session's
 *   rounds        the updates of a round: a file that is the matrix which aggregation reads
 *   events        what the world was told, numbered, so that a reader may go on where it stopped
 */
import type { Damage } from '../files/files.js';
import type { RowSource } from '../core/source.js';
import type { TensorShape } from '../formats/tensorShape.js';
import type { OptimizerState } from '../optimizers/serverOptimizer.js';
import type { Evaluation } from '../protocol/views.js';
import type { AcceptedUpdate, SessionState, SessionStatus } from '../rounds/machine.js';

export type { Damage, TensorShape };

export interface NodeEntry {
  readonly id: string;
  /** SHA-256 of the node's token, in hex; null where the server asks for none. */
  readonly tokenHash: string | null;
  /** Ed25519, raw, base64url. */
  readonly publicKey: string | null;
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** The sessions that it takes part in. */
  readonly sessions: readonly string[];
  readonly registeredAtMs: number;
}

export interface SessionEntry {
  readonly id: string;
  /** As it was checked when it came in; JSON. */
  readonly config: unknown;
  readonly createdAtMs: number;
  readonly status: SessionStatus;
  readonly reason: string | null;
}

/** What a node measured of the newest model, and which of these were put together. */
export type EvaluationRecord =
  | {
      readonly type: 'evaluation';
      readonly session: string;
      /** That made the model. */
      readonly round: number;
      readonly node: string;
      readonly evaluation: Evaluation;
    }
  | {
      readonly type: 'evaluations-counted';
      readonly session: string;
      readonly round: number;
      readonly nodes: readonly string[];
    };

export type JournalRecord =
  | EvaluationRecord
  | { readonly type: 'node'; readonly node: NodeEntry }
  | { readonly type: 'node-removed'; readonly id: string }
  /** Created, or its status changed. */
  | { readonly type: 'session'; readonly session: SessionEntry }
  | { readonly type: 'session-removed'; readonly id: string };

/** Of one model: that of the newest round which any are of. */
export interface StoredEvaluations {
  readonly round: number;
  /** One a node, as they became durable. */
  readonly answers: readonly { readonly node: string; readonly evaluation: Evaluation }[];
  /** The nodes whose answers were put together; null: not yet. */
  readonly counted: readonly string[] | null;
}

export interface Checkpoint {
  /** 0: the initial model. */
  readonly round: number;
  readonly createdAtMs: number;
  readonly tensors: readonly TensorShape[];
  /** d float32. */
  readonly model: Float32Array;
  readonly optimizer: OptimizerState | null;
  readonly state: SessionState;
  /** What is told of the round: its report, digests of what went in and came out; JSON. Null for round 0. */
  readonly record: unknown;
}

export interface CheckpointSummary {
  readonly round: number;
  readonly createdAtMs: number;
  readonly sizeBytes: number;
  /** SHA-256 of the model's float32 bytes, in hex. */
  readonly modelDigest: string;
}

export interface RoundHeader {
  readonly round: number;
  readonly attempt: number;
  readonly d: number;
  readonly asked: readonly string[] | null;
  readonly openedAtMs: number;
}

/**
 * A place for one update, filled from the socket. One of `commit` and `abort` ends it; until `commit` resolves it is as
 * if it had never been.
 */
export interface Slot {
  /**
   * The next of the d · 4 bytes (float32, little-endian). `bytes` may be reused as soon as this returns, or its promise
   * resolves; a promise slows the sender down.
   *
   * @throws QuorateError BAD_SHAPE for more than d · 4 bytes; STORE_FULL, STORE_FAILED
   */
  write(bytes: Uint8Array): void | Promise<void>;
  /**
   * Makes the update durable, with its facts; commits that come together share one fsync.
   *
   * @throws QuorateError BAD_SHAPE for fewer than d · 4 bytes; CONFLICTING_UPDATE if the node has an update here;
   *   ROUND_CLOSED after close or discard; STORE_FULL, STORE_FAILED. The slot is then aborted.
   */
  commit(update: AcceptedUpdate): Promise<void>;
  /** Gives the place back. Never throws. */
  abort(): Promise<void>;
}

/** The updates of one attempt of a round. */
export interface RoundStore {
  readonly header: RoundHeader;
  /** What is durable, in any order: after a restart, what was found and proved whole. */
  readonly updates: readonly AcceptedUpdate[];
  /** The nodes whose updates are aggregated, sorted, once that is decided. */
  readonly sealed: readonly string[] | null;
  /**
   * @param isDigested its commit will have a digest, which proves the row: no checksum of it is taken
   * @throws QuorateError ROUND_CLOSED after seal, close or discard
   */
  reserve(node: string, isDigested?: boolean): Promise<Slot>;
  /**
   * Decides durably which updates are in the round: a late one can't be found in it after a crash. The same nodes
   * again change nothing.
   *
   * @throws QuorateError UNKNOWN_UPDATE, STORE_FULL, STORE_FAILED; INTERNAL for other nodes than before
   */
  seal(nodes: readonly string[]): Promise<void>;
  /** Rows in the order of `nodes`, which must all have an update here. Valid until close or discard. @throws QuorateError UNKNOWN_UPDATE */
  rows(nodes: readonly string[]): RowSource;
  /** One update's bytes, float32 little-endian, in pieces. */
  read(node: string): AsyncIterable<Uint8Array>;
  /** No more is written; what is here stays, as long as the store's `keepRounds` says. */
  close(): Promise<void>;
  /** Removes it. */
  discard(): Promise<void>;
}

export interface SessionStore {
  /** All or nothing, durable when it resolves; older ones are removed as `keepCheckpoints` says (never round 0's). */
  writeCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Ascending by round. */
  checkpoints(): Promise<readonly CheckpointSummary[]>;
  /** @param round default: the newest. @throws QuorateError UNKNOWN_ROUND, CORRUPT_FILE */
  readCheckpoint(round?: number): Promise<Checkpoint>;
  /** @throws QuorateError INTERNAL if this attempt of this round is here already; STORE_FULL, STORE_FAILED */
  openRound(header: RoundHeader): Promise<RoundStore>;
  /**
   * The round that was under way when the process ended: the newest attempt of the one after the newest checkpoint's.
   *
   * @param d of the session's model; updates of another size are set aside
   */
  recoverRound(d?: number): Promise<RoundStore | null>;
  /** An update of a committed round that is still kept: one that the round was sealed with. @throws QuorateError UNKNOWN_ROUND, UNKNOWN_UPDATE */
  readUpdate(
    round: number,
    node: string,
  ): Promise<{ readonly update: AcceptedUpdate; readonly bytes: AsyncIterable<Uint8Array> }>;
}

export interface NumberedEvent {
  /** From 1 on, without gaps, over restarts too. */
  readonly number: number;
  readonly atMs: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface EventLog {
  readonly last: number;
  /** The oldest that is still kept. */
  readonly first: number;
  append(atMs: number, body: Readonly<Record<string, unknown>>): NumberedEvent;
  /** Those after `number`, at most `limit`. */
  since(number: number, limit: number): readonly NumberedEvent[];
}

export interface Store {
  readonly kind: 'memory' | 'disk';
  /** As of the opening. */
  readonly nodes: readonly NodeEntry[];
  readonly sessions: readonly SessionEntry[];
  /** Grows: a round's file is looked at when it is recovered, a checkpoint when it is listed. */
  readonly damages: readonly Damage[];
  readonly events: EventLog;
  /** As of now; null: none are recorded. */
  evaluations(session: string): StoredEvaluations | null;
  /** Durable when it resolves; records that come together share one fsync. @throws QuorateError STORE_FULL, STORE_FAILED */
  record(record: JournalRecord): Promise<void>;
  /** Made if it isn't there. */
  session(id: string): Promise<SessionStore>;
  removeSession(id: string): Promise<void>;
  /** Writes what is pending and gives the lock back. */
  close(): Promise<void>;
}
