/** Whether a round has enough updates, and whether it has all that it waits for. */
import type { Policy } from './policy.js';
import { eligible } from './sampling.js';
import type { RoundState, SessionState } from './state.js';

export type Collecting = Extract<RoundState, { phase: 'collecting' }>;

export const acceptedIn = ({ accepted }: Pick<Collecting, 'accepted'>): number =>
  Object.keys(accepted).length;

export const hasQuorum = (policy: Policy, round: Collecting): boolean => acceptedIn(round) >= policy.quorum;

/** A round opens where so many nodes are there: each gives one update at most, in a buffer too. */
export const mayOpen = (policy: Policy, state: SessionState): boolean =>
  eligible(state).length >= policy.quorum;

/** Those whose answer may still come: there, or awaited after a restart; asked; and not excluded. */
export function missing({ nodes }: SessionState, { accepted, asked, awaited }: Collecting): string[] {
  const named = asked === null ? null : new Set(asked);
  const unheard = new Set(awaited);
  return Object.keys(nodes).filter(
    (node) =>
      (nodes[node]!.present || unheard.has(node)) &&
      !nodes[node]!.excluded &&
      !Object.hasOwn(accepted, node) &&
      (named?.has(node) ?? true),
  );
}

/**
 * Whether to close before the deadline; never below the quorum.
 *
 * A buffer closes when it is full. A round closes at targetUpdates if that is given, else when nobody is missing. Of a
 * sample nobody else can come, so it closes without its last missing node even below targetUpdates.
 */
export function isComplete(policy: Policy, state: SessionState, round: Collecting): boolean {
  const accepted = acceptedIn(round);
  if (accepted < policy.quorum) return false;
  if (policy.mode.kind === 'buffered') return accepted >= policy.mode.bufferSize;

  if (policy.targetUpdates !== null) {
    if (accepted >= policy.targetUpdates) return true;
    if (round.asked === null) return false;
  }
  return missing(state, round).length === 0;
}
