/**
 * The state of a session's rounds, the events that change it, and the effects that follow. All of it is plain data
 * that JSON holds without loss: a checkpoint stores the state, and a log of events replays to the same state.
 *
 *   session   created → running ⇄ paused → completed | stopped | failed
 *   round     idle → waiting → collecting → aggregating → committing → (the next round's) waiting
 *                                 │              │             │
 *                                 └──────────────┴─────────────┴─▶ backing-off → waiting: the next attempt
 *
 * A round waits until a quorum of nodes is present, so that nothing spins while there are none.
 */
import type { ErrorCode } from '../errors.js';
import type { Policy } from './policy.js';

/** Where a session stands. */
export type SessionStatus = 'created' | 'running' | 'paused' | 'completed' | 'stopped' | 'failed';

/** An update that is durable, and in the round. */
export interface AcceptedUpdate {
  /** The sender's id. */
  readonly node: string;
  /** SHA-256 of its float32 bytes, in hex; null where the coordinator takes none while they arrive. */
  readonly digest: string | null;
  /** As the node says. Null if it says nothing. */
  readonly numExamples: number | null;
  /** What the node measured in training: loss, say. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Rounds between the model that it started from and the round's own; 0 in sync mode. */
  readonly staleness: number;
  /** From the opening of the round that it was trained for to its arrival. */
  readonly responseMs: number;
}

/** The current round, by its phase. */
export type RoundState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'waiting'; readonly number: number; readonly attempt: number }
  | {
      readonly phase: 'collecting';
      readonly number: number;
      readonly attempt: number;
      readonly openedAtMs: number;
      readonly deadlineAtMs: number;
      /** Ids in order. Null: every node that is there. */
      readonly asked: readonly string[] | null;
      /**
       * Ids in order: nodes that were not heard of since a restart. The round waits for them as if they were there,
       * until they are heard, or said to be absent. Without a restart there are none.
       */
      readonly awaited: readonly string[];
      readonly accepted: Readonly<Record<string, AcceptedUpdate>>;
    }
  | ({ readonly phase: 'aggregating' } & ClosedRound)
  /** The next model exists; its checkpoint is being written. */
  | ({
      readonly phase: 'committing';
      readonly judgments: readonly Judgment[];
      readonly metrics: Readonly<Record<string, number>>;
      /** Made once the checkpoint, which stores them too, is durable. */
      readonly announcements: readonly CommitAnnouncement[];
    } & ClosedRound)
  | {
      readonly phase: 'backing-off';
      readonly number: number;
      /** The one that failed. */
      readonly attempt: number;
      readonly untilMs: number;
    };

/** A round that takes no more updates, and is not committed. */
export interface ClosedRound {
  /** The round's number. */
  readonly number: number;
  /** From 1 on. */
  readonly attempt: number;
  /** On the steady clock. */
  readonly openedAtMs: number;
  /** Ids of the nodes that were asked, in order; null: all. */
  readonly asked: readonly string[] | null;
  /** The updates in the round, by node. */
  readonly accepted: Readonly<Record<string, AcceptedUpdate>>;
}

/** The phases in which a round holds updates. */
export type RoundWithUpdates = Extract<RoundState, { readonly accepted: unknown }>;

/** Whether a round holds updates: it collects them, aggregates them, or commits what came of them. */
export const holdsUpdates = (round: RoundState): round is RoundWithUpdates => 'accepted' in round;

/** A node's part in a session, over all its rounds. */
export interface NodeRecord {
  /** Whether its heartbeats come. */
  readonly present: boolean;
  /** Whether its updates are refused from now on. */
  readonly excluded: boolean;
  /** Committed rounds that asked it, and those that its update is in. */
  readonly roundsAsked: number;
  /** Committed rounds that its update is in. */
  readonly accepted: number;
  /** How many of its uploads were refused, by error code. */
  readonly refused: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Mean over the rounds that it took part in. */
  readonly meanResponseMs: number | null;
  /** Mean over the rounds that judged it; null if none did. */
  readonly meanSuspicion: number | null;
  /** Rounds that gave it a suspicion: what the mean is over. */
  readonly judged: number;
  /** Of the newest round that judged it; null if none did. */
  readonly lastSuspicion: number | null;
  /** Rounds one after the other, up to now, in which it was suspicious (policy.exclude). */
  readonly suspiciousRounds: number;
  /** The newest committed round that its update is in. */
  readonly lastRound: number | null;
  /** The newest round that it trained for, of the updates in committed rounds: nothing older is taken again. */
  readonly trainedFor: number | null;
}

/** Why an attempt of a round failed. */
export interface Failure extends AttemptId {
  /** What went wrong. */
  readonly code: ErrorCode;
  /** For people. */
  readonly message: string;
}

/** A session as its rounds see it. */
export interface SessionState {
  /** Where the session stands. */
  readonly status: SessionStatus;
  /** Why it is completed or failed, for people. */
  readonly reason: string | null;
  /** The last committed round; 0 is the initial model. */
  readonly committed: number;
  /** The current round. */
  readonly round: RoundState;
  /** Of the newest attempt that failed since the last commit; null: none has, or none since a restart. */
  readonly failure: Failure | null;
  /** The records of the session's nodes, by id. */
  readonly nodes: Readonly<Record<string, NodeRecord>>;
  /** The newest response times, oldest first, as many as the adaptive deadline looks at. */
  readonly responseTimesMs: readonly number[];
  /** When the newest rounds opened, by number, for response times of stale updates (maxStaleness + 1 of them). */
  readonly openings: Readonly<Record<number, number>>;
  /** Of stopWhen's metric: its best value, the round that had it, and the newest round that has any. */
  readonly best: { readonly value: number; readonly round: number; readonly measured: number } | null;
}

/** What the aggregation of a round found out about a node's update. */
export interface Judgment {
  /** The sender's id. */
  readonly node: string;
  /** Whether its update has any weight in the result. */
  readonly used: boolean;
  /** From 0 to 1; null if the pipeline gives none. */
  readonly suspicion: number | null;
}

/** One attempt of a round. */
export interface AttemptId {
  /** The round's number. */
  readonly number: number;
  /** From 1 on. */
  readonly attempt: number;
}

/**
 * Time comes with the events; `step` reads no clock. It is the steady clock's (core/clock.ts), as every `…AtMs` of the
 * state is: no step of the wall clock moves a deadline.
 */
export type SessionEvent = { readonly atMs: number } & (
  | { readonly type: 'start' | 'pause' | 'resume' | 'stop' }
  | { readonly type: 'node-present'; readonly node: string }
  /** It went away, or was not heard in time since a restart. */
  | { readonly type: 'node-absent'; readonly node: string }
  /** Removed from the session for good: its history goes too. */
  | { readonly type: 'node-removed'; readonly node: string }
  /** The update is durable; whether it is in the round is decided now. */
  | {
      readonly type: 'update-stored';
      /** The round that the node trained for. */
      readonly round: number;
      /** The attempt whose file holds the update. */
      readonly attempt: AttemptId;
      readonly update: Omit<AcceptedUpdate, 'staleness' | 'responseMs'>;
    }
  /** It was refused before it was stored (too large, not finite, …): for the node's history. */
  | { readonly type: 'update-refused'; readonly node: string; readonly code: ErrorCode }
  /** A timer that an effect asked for, or any other moment: deadlines and backoffs are compared with atMs. */
  | { readonly type: 'tick' }
  /** The next model is computed, and not yet durable. */
  | {
      readonly type: 'aggregated';
      readonly round: number;
      readonly judgments: readonly Judgment[];
      /** What nodes report of their training, and what the coordinator measures of the model itself. */
      readonly metrics: Readonly<Record<string, number>>;
    }
  /** The checkpoint that `write-checkpoint` asked for is durable. */
  | { readonly type: 'committed'; readonly round: number }
  /** The aggregation failed, or the writing of its checkpoint did. */
  | {
      readonly type: 'aggregation-failed';
      readonly round: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** The nodes' evaluation of a committed round is complete. */
  | { readonly type: 'evaluated'; readonly round: number; readonly metrics: Readonly<Record<string, number>> }
  /**
   * After a restart, before any other event: what the round's file holds. Sealed: aggregation had begun, with these
   * nodes' updates.
   */
  | {
      readonly type: 'recovered';
      readonly round: number;
      readonly attempt: number;
      readonly asked: readonly string[] | null;
      /** How long the round collects, and for how long it had been open. */
      readonly durationMs: number;
      readonly elapsedMs: number;
      readonly sealed: readonly string[] | null;
      readonly updates: readonly AcceptedUpdate[];
    }
);

/** What the coordinator must do, in this order. */
export type Effect =
  | {
      readonly type: 'open-round';
      readonly round: number;
      readonly attempt: number;
      readonly asked: readonly string[] | null;
      readonly deadlineAtMs: number;
    }
  /** The answer to update-stored: acknowledged, with how many are in and how many are needed. */
  | {
      readonly type: 'accept';
      readonly update: AcceptedUpdate;
      readonly round: number;
      readonly accepted: number;
    }
  | {
      readonly type: 'refuse';
      readonly node: string;
      readonly round: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** Seal the round's file with these updates, then aggregate them. Answered by `aggregated` or `aggregation-failed`. */
  | {
      readonly type: 'aggregate';
      readonly round: number;
      readonly attempt: number;
      readonly openedAtMs: number;
      readonly asked: readonly string[] | null;
      /** Sorted by node id. */
      readonly updates: readonly AcceptedUpdate[];
    }
  /**
   * Write the next model, this state and these announcements into one file, durably: this is the commit. Answered by
   * `committed`, or by `aggregation-failed` where the file can't be written.
   */
  | {
      readonly type: 'write-checkpoint';
      readonly round: number;
      /** As it is once the round is committed. */
      readonly state: SessionState;
      readonly announcements: readonly CommitAnnouncement[];
    }
  /** The round's file is of no more use. Cancel its aggregation and the writing of its checkpoint, if still possible. */
  | { readonly type: 'discard-round'; readonly round: number; readonly attempt: number }
  /** Send a tick at this time; replaces an earlier one. Null: none is needed. */
  | { readonly type: 'wake'; readonly atMs: number | null }
  | { readonly type: 'announce'; readonly event: Announcement };

/** An event of the session's that its subscribers receive. */
export type Announcement =
  | { readonly type: 'session-status'; readonly status: SessionStatus; readonly reason: string | null }
  | {
      readonly type: 'round-opened';
      readonly round: number;
      readonly attempt: number;
      readonly asked: readonly string[] | null;
      readonly deadlineAtMs: number;
    }
  | {
      readonly type: 'update-accepted';
      readonly round: number;
      readonly node: string;
      readonly accepted: number;
    }
  | { readonly type: 'round-closed'; readonly round: number; readonly updates: number }
  | {
      readonly type: 'round-committed';
      readonly round: number;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | {
      readonly type: 'round-failed';
      readonly round: number;
      readonly attempt: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | { readonly type: 'node-excluded'; readonly node: string; readonly round: number }
  | {
      readonly type: 'round-evaluated';
      readonly round: number;
      readonly metrics: Readonly<Record<string, number>>;
    };

/** What a commit announces, in this order; stored in the checkpoint, so that a restart can make up for it. */
export type CommitAnnouncement = Extract<
  Announcement,
  { readonly type: 'round-committed' | 'node-excluded' | 'session-status' }
>;

export interface Step {
  readonly state: SessionState;
  readonly effects: readonly Effect[];
}

export type { Policy };

/** A record's own entry: a node may be called `constructor`, which every object seems to have. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Puts steps together: the effects of one after those of the other. */
export const stay = (state: SessionState): Step => ({ state, effects: [] });

export function followedBy(first: Step, next: (state: SessionState) => Step): Step {
  const second = next(first.state);
  return { state: second.state, effects: [...first.effects, ...second.effects] };
}

export const announce = (event: Announcement): Effect => ({ type: 'announce', event });
