/**
 * Where a coordinator keeps its data. Two kinds: memory (memory/), for tests and for training that may be started
 * again, and disk (disk/), which keeps every promise of durability through a crash.
 *
 *   journal       nodes, sessions, evaluations: small records, durable when `record` resolves
 *   checkpoints   the model after each round, with the optimizer's state and the session's
 *   rounds        the updates of a round: a file that is the matrix which aggregation reads
 *   events        the events that subscribers receive, numbered, so that a reader can continue where it stopped
 */
import type { Damage } from '../files/files.js';
import type { RowSource } from '../core/source.js';
import type { TensorShape } from '../formats/tensorShape.js';
import type { OptimizerState } from '../optimizers/serverOptimizer.js';
import type { Evaluation } from '../protocol/views.js';
import type { AcceptedUpdate, CommitAnnouncement, SessionState, SessionStatus } from '../rounds/machine.js';

export type { Damage, TensorShape };

/** A registered node, as the journal records it. */
export interface NodeEntry {
  /** The node's id. */
  readonly id: string;
  /** SHA-256 of the node's token, in hex; null where the server asks for none. */
  readonly tokenHash: string | null;
  /** Ed25519, raw, base64url. */
  readonly publicKey: string | null;
  /** What the node said of itself when it registered. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** The sessions that it takes part in. */
  readonly sessions: readonly string[];
  /** Milliseconds since 1970. */
  readonly registeredAtMs: number;
}

/** A session, as the journal records it. */
export interface SessionEntry {
  /** The session's id. */
  readonly id: string;
  /** As it was checked when it came in; JSON. */
  readonly config: unknown;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** The status that is durable. */
  readonly status: SessionStatus;
  /** Why it is completed or failed, for people. */
  readonly reason: string | null;
  /** Room in the format: a secret of the session's, base64url. Nothing writes it yet; what is there is preserved. */
  readonly secret?: string;
}

/** An evaluation by a node of the newest model, or the decision which of these are summarized. */
export type EvaluationRecord =
  | {
      readonly type: 'evaluation';
      readonly session: string;
      /** That made the model. */
      readonly round: number;
      readonly node: string;
      readonly evaluation: Evaluation;
    }
  | ({
      readonly type: 'evaluations-counted';
      readonly session: string;
      readonly round: number;
    } & CountedEvaluations);

/** The evaluations that a summary is made of. */
export interface CountedEvaluations {
  /** Ids of the nodes whose evaluations count. */
  readonly nodes: readonly string[];
  /** Number of the newest event when this was written: in the event log the summary's announcement comes after it. */
  readonly eventsBefore: number;
}

/** A small record that is durable in the journal. A later one replaces an earlier one of the same node or session. */
export type JournalRecord =
  | EvaluationRecord
  | { readonly type: 'node'; readonly node: NodeEntry }
  | { readonly type: 'node-removed'; readonly id: string }
  /** Created, or its status changed. */
  | { readonly type: 'session'; readonly session: SessionEntry }
  | { readonly type: 'session-removed'; readonly id: string };

/** The evaluations of one model: the newest that has any. */
export interface StoredEvaluations {
  /** The round whose model was evaluated. */
  readonly round: number;
  /** At most one per node, in the order in which they became durable. */
  readonly answers: readonly { readonly node: string; readonly evaluation: Evaluation }[];
  /** Those that are summarized; null: not decided yet. */
  readonly counted: CountedEvaluations | null;
}

/** A committed round: its model, and all that the next round and a restart need. */
export interface Checkpoint {
  /** 0: the initial model. */
  readonly round: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** Names and shapes of the model's tensors. */
  readonly tensors: readonly TensorShape[];
  /** d float32. */
  readonly model: Float32Array;
  /** The optimizer's state; null if it has none. */
  readonly optimizer: OptimizerState | null;
  /** The state of the session once the round is committed. */
  readonly state: SessionState;
  /** What the commit announces, in order; nothing for round 0. */
  readonly announcements: readonly CommitAnnouncement[];
  /** Number of the newest event when this was written: in the event log the announcements come after it. */
  readonly eventsBefore: number;
  /** The round's record: its report, digests of its inputs and outputs; JSON. Null for round 0. */
  readonly record: unknown;
  /** Room in the format: the number of a batch that the round belongs to. Nothing writes it yet; it is read back. */
  readonly batch?: number;
}

/** A checkpoint without its contents. */
export interface CheckpointSummary {
  /** The round whose model it holds. */
  readonly round: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** Size of the file. */
  readonly sizeBytes: number;
  /** SHA-256 of the model's float32 bytes, in hex. */
  readonly modelDigest: string;
}

/** What identifies an attempt of a round, decided when it opens. */
export interface RoundHeader {
  /** The round's number. */
  readonly round: number;
  /** From 1 on. */
  readonly attempt: number;
  /** Values in each update. */
  readonly d: number;
  /** Ids of the nodes that were asked, in order; null: all. */
  readonly asked: readonly string[] | null;
  /** Milliseconds since 1970. */
  readonly openedAtMs: number;
  /** From its opening to its deadline. */
  readonly durationMs: number;
}

/** For how long a round has been open, by a steady clock, and what the wall clock said then. */
export interface TimeMark {
  /** Since the round's opening. */
  readonly elapsedMs: number;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
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
  /** What was known when the round opened. */
  readonly header: RoundHeader;
  /** What is durable, in any order: after a restart, what was found and proved whole. */
  readonly updates: readonly AcceptedUpdate[];
  /** The nodes whose updates are aggregated, sorted, once that is decided. */
  readonly sealed: readonly string[] | null;
  /** The newest one that is durable. */
  readonly time: TimeMark;
  /**
   * Makes the present time durable, and from now on that of each durable write.
   *
   * @param read returns the present time
   * @throws QuorateError STORE_FULL, STORE_FAILED
   */
  keepTime(read: () => TimeMark): Promise<void>;
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

/** A session's checkpoints and rounds. */
export interface SessionStore {
  /** All or nothing, durable when it resolves; older ones are removed as `keepCheckpoints` says (never round 0's). */
  writeCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Ascending by round. */
  checkpoints(): Promise<readonly CheckpointSummary[]>;
  /** @param round default: the newest. @throws QuorateError UNKNOWN_ROUND, CORRUPT_FILE */
  readCheckpoint(round?: number): Promise<Checkpoint>;
  /**
   * @param readTime returns the present time, which each durable write keeps
   * @throws QuorateError INTERNAL if this attempt of this round is here already; STORE_FULL, STORE_FAILED
   */
  openRound(header: RoundHeader, readTime: () => TimeMark): Promise<RoundStore>;
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

/** An event as subscribers receive it. */
export interface NumberedEvent {
  /** From 1 on, without gaps, over restarts too. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** The event itself, as JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** The newest events, numbered without gaps. */
export interface EventLog {
  /** Number of the newest event; 0 if there is none. */
  readonly last: number;
  /** The oldest that is still kept. */
  readonly first: number;
  /** Numbers an event and keeps it. @param atMs milliseconds since 1970 */
  append(atMs: number, body: Readonly<Record<string, unknown>>): NumberedEvent;
  /** Those after `number`, at most `limit`. */
  since(number: number, limit: number): readonly NumberedEvent[];
}

/** Where a coordinator keeps its data: `memoryStore()` or `openDiskStore()`. A store serves one coordinator. */
export interface Store {
  /** Where it keeps its data. */
  readonly kind: 'memory' | 'disk';
  /** As of the opening. */
  readonly nodes: readonly NodeEntry[];
  /** The sessions, as of the opening. */
  readonly sessions: readonly SessionEntry[];
  /** Grows: a round's file is looked at when it is recovered, a checkpoint when it is listed. */
  readonly damages: readonly Damage[];
  /** The event log of all sessions. */
  readonly events: EventLog;
  /** As of now; null: none are recorded. */
  evaluations(session: string): StoredEvaluations | null;
  /** Durable when it resolves; records that come together share one fsync. @throws QuorateError STORE_FULL, STORE_FAILED */
  record(record: JournalRecord): Promise<void>;
  /** Made if it isn't there. */
  session(id: string): Promise<SessionStore>;
  /** Moves the files of a session that isn't recorded out of the way; they are kept. @throws QuorateError STORE_FAILED */
  setAside(id: string): Promise<void>;
  /** Removes a session's files. @throws QuorateError STORE_FAILED */
  removeSession(id: string): Promise<void>;
  /** Writes what is pending and gives the lock back. */
  close(): Promise<void>;
}
