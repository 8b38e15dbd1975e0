/** What a session's owner decides about its rounds. Plain data, checked where it comes in (src/protocol/). */

/** Which nodes a round asks: all that are there, also those that come while it collects, or a seeded sample. */
export type NodeSelection =
  | { readonly kind: 'all' }
  /** Drawn from (seed, round, attempt) among the nodes that are there when the round opens. */
  | { readonly kind: 'sample'; readonly size: number; readonly seed: number };

/**
 * `sync`: every update of a round starts from the model of the round before.
 * `buffered` (FedBuff, Nguyen et al. 2022, arXiv:2106.06639): a round is a buffer that takes one update a node,
 * trained from any of the last `maxStaleness + 1` models, and closes when `bufferSize` are in.
 */
export type Mode =
  | { readonly kind: 'sync' }
  | { readonly kind: 'buffered'; readonly bufferSize: number; readonly maxStaleness: number };

/** Learns the deadline: `slack` × the `quantile` of the last `window` response times, within minMs … deadlineMs. */
export interface AdaptiveDeadline {
  /** Which quantile of the response times to follow, from 0 to 1. */
  readonly quantile: number;
  /** Factor on that quantile. */
  readonly slack: number;
  /** The shortest deadline. */
  readonly minMs: number;
  /** How many response times to remember. */
  readonly window: number;
}

/** Ends a session before its last round: at a value of a metric, or when it has not improved for `patience` rounds. */
export interface StopWhen {
  /** Name of the metric. */
  readonly metric: string;
  /** Whether larger or smaller values are better. */
  readonly goal: 'max' | 'min';
  /** The value that ends the session; null: none. */
  readonly reaches: number | null;
  /** Rounds without an improvement that end the session; null: any number. */
  readonly patience: number | null;
}

/** The rules of a session's rounds. */
export interface Policy {
  /** Rounds to commit. */
  readonly rounds: number;
  /** The fewest updates that a round may aggregate. */
  readonly quorum: number;
  /** A round closes as soon as so many are in. Null: when every node that was asked has answered. */
  readonly targetUpdates: number | null;
  /** How long a round collects updates, at most. */
  readonly deadlineMs: number;
  /** Shortens the deadline to what nodes need; null: off. */
  readonly adaptiveDeadline: AdaptiveDeadline | null;
  /** Which nodes a round asks. */
  readonly selection: NodeSelection;
  /** Rounds in step, or a buffer that takes stale updates too. */
  readonly mode: Mode;
  /** After a failed round: firstMs, doubled each time, at most maxMs. Attempts of one round; null: no end. */
  readonly retry: { readonly firstMs: number; readonly maxMs: number; readonly attempts: number | null };
  /** Ends the session early by a metric; null: off. */
  readonly stopWhen: StopWhen | null;
  /** Leaves out a node whose suspicion was above `suspicion` in `rounds` rounds one after the other. */
  readonly exclude: { readonly rounds: number; readonly suspicion: number } | null;
}
