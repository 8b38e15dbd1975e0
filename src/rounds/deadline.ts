/**
 * How long a round collects. The adaptive deadline is a high quantile of recent response times, times a slack: it
 * follows the majority, so that a few slow nodes don't hold it back. Two things keep it from shutting out nodes that
 * turn slow together: at a deadline, those that did not answer count with the time that they were given
 * (collecting.ts), which lengthens the next one; and a round that is tried again has the whole of deadlineMs.
 */
import type { Policy } from './policy.js';

/** Milliseconds, whole. */
export function collectMs(policy: Policy, responseTimesMs: readonly number[], attempt: number): number {
  const { adaptiveDeadline: adaptive, deadlineMs } = policy;
  if (adaptive === null || attempt > 1 || responseTimesMs.length === 0) return deadlineMs;

  const learned = Math.ceil(adaptive.slack * quantile(responseTimesMs, adaptive.quantile));
  return Math.min(deadlineMs, Math.max(adaptive.minMs, learned));
}

/** By nearest rank: the least of the values that at least this share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const ascending = values.toSorted((a, b) => a - b);
  return ascending[Math.max(1, Math.ceil(share * values.length)) - 1]!;
}

/** The newest response times with these added, as many as the deadline looks at. */
export function remembered(
  policy: Policy,
  responseTimesMs: readonly number[],
  added: readonly number[],
): readonly number[] {
  if (policy.adaptiveDeadline === null) return responseTimesMs;
  return [...responseTimesMs, ...added].slice(-policy.adaptiveDeadline.window);
}
