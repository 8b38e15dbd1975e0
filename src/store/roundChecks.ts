/** What both stores refuse of a round's updates. */
import { QuorateError } from '../errors.js';
import type { RoundHeader } from './store.js';

export function roundClosed({ round }: RoundHeader): QuorateError {
  return new QuorateError('ROUND_CLOSED', `round ${round} takes no more updates`, { round });
}

export function requireRoom({ d }: RoundHeader, filled: number, more: number): void {
  if (filled + more <= d * 4) return;
  throw badLength(d, `at least ${filled + more}`);
}

export function requireWhole({ d }: RoundHeader, filled: number): void {
  if (filled !== d * 4) throw badLength(d, String(filled));
}

function badLength(d: number, got: string): QuorateError {
  return new QuorateError('BAD_SHAPE', `an update of ${d} float32 has ${d * 4} bytes; got ${got}`, {
    expected: d * 4,
    got,
  });
}

export function requireNoOther({ round }: RoundHeader, node: string, has: boolean): void {
  if (!has) return;
  const message = `round ${round} has an update of node '${node}' already`;
  throw new QuorateError('CONFLICTING_UPDATE', message, { round, node });
}

export function unknownUpdate(round: number, node: string): QuorateError {
  return new QuorateError('UNKNOWN_UPDATE', `round ${round} has no update of node '${node}'`, {
    round,
    node,
  });
}

export function unknownRound(round: number): QuorateError {
  return new QuorateError('UNKNOWN_ROUND', `nothing is kept of round ${round}`, { round });
}

export function requireNewAttempt({ round, attempt }: RoundHeader, exists: boolean): void {
  if (!exists) return;
  throw new QuorateError('INTERNAL', `attempt ${attempt} of round ${round} is in the store already`, {
    round,
    attempt,
  });
}

/**
 * The nodes to seal a round with, sorted; null if it is sealed with just these.
 *
 * @throws QuorateError UNKNOWN_UPDATE, INTERNAL
 */
export function nodesToSeal(
  { round }: RoundHeader,
  nodes: readonly string[],
  sealed: readonly string[] | null,
  has: (node: string) => boolean,
): readonly string[] | null {
  const sorted = [...nodes].sort();
  for (const node of sorted) if (!has(node)) throw unknownUpdate(round, node);
  if (!sealed) return sorted;
  if (sealed.length === sorted.length && sorted.every((node, i) => node === sealed[i])) return null;
  throw new QuorateError('INTERNAL', `round ${round} was sealed with other updates`, {
    round,
    sealed,
    nodes: sorted,
  });
}

/** @throws QuorateError UNKNOWN_ROUND */
export function newestRound(rounds: readonly number[]): number {
  const newest = rounds.at(-1);
  if (newest === undefined) throw new QuorateError('UNKNOWN_ROUND', 'the session has no checkpoint yet');
  return newest;
}
