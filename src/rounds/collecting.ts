/**
 * waiting → collecting → aggregating: a round opens when a quorum of nodes is present, collects their updates, and closes
 * when it is complete, or at its deadline with a quorum.
 */
import { collectMs, remembered } from './deadline.js';
import type { Policy } from './policy.js';
import { eligible, select } from './sampling.js';
import { type AcceptedUpdate, announce, type RoundState, type SessionState, type Step } from './state.js';

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
 * A buffer closes when it is full. A round closes at targetUpdates if that is given, else when no node is missing. A
 * sample gets no other nodes, so its round closes without its last missing node even below targetUpdates.
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

/* Opening. */

export function open(
  policy: Policy,
  state: SessionState,
  { number, attempt }: Extract<RoundState, { phase: 'waiting' }>,
  atMs: number,
): Step {
  const asked = select(policy, state, number, attempt);
  const durationMs = collectMs(policy, state.responseTimesMs, attempt);
  const round = { number, attempt, asked, awaited: [], accepted: {} };
  const collecting = collect(policy, state, round, { openedAtMs: atMs, durationMs });
  const opened = { round: number, attempt, asked, deadlineAtMs: collecting.round.deadlineAtMs };
  return {
    state: collecting,
    effects: [{ type: 'open-round', ...opened }, announce({ type: 'round-opened', ...opened })],
  };
}

type Opened = Pick<Collecting, 'number' | 'attempt' | 'asked' | 'awaited' | 'accepted'>;

/** The state with this round open until its deadline. */
export function collect(
  policy: Policy,
  state: SessionState,
  round: Opened,
  { openedAtMs, durationMs }: { readonly openedAtMs: number; readonly durationMs: number },
): SessionState & { readonly round: Collecting } {
  return {
    ...state,
    round: { phase: 'collecting', ...round, openedAtMs, deadlineAtMs: openedAtMs + durationMs },
    openings: newest({ ...state.openings, [round.number]: openedAtMs }, policy),
  };
}

/** As many as the oldest update that is taken needs. */
function newest(openings: SessionState['openings'], { mode }: Policy): SessionState['openings'] {
  const count = mode.kind === 'buffered' ? mode.maxStaleness + 1 : 1;
  const numbers = Object.keys(openings)
    .map(Number)
    .sort((a, b) => a - b);
  return Object.fromEntries(numbers.slice(-count).map((number) => [number, openings[number]!]));
}

/* Closing. */

/** Before the deadline: what the round waits for is in. */
export function close(policy: Policy, state: SessionState, round: Collecting): Step {
  return closeLearning(policy, state, round, []);
}

/** At the deadline: who is still missing has taken at least so long. */
export function closeAtDeadline(policy: Policy, state: SessionState, round: Collecting, atMs: number): Step {
  const givenMs = atMs - round.openedAtMs;
  return closeLearning(
    policy,
    state,
    round,
    missing(state, round).map(() => givenMs),
  );
}

function closeLearning(
  policy: Policy,
  state: SessionState,
  { number, attempt, openedAtMs, asked, accepted }: Collecting,
  lateMs: readonly number[],
): Step {
  const times = [...inOrder(accepted).map(({ responseMs }) => responseMs), ...lateMs];
  const responseTimesMs = remembered(policy, state.responseTimesMs, times);
  const round = { phase: 'aggregating', number, attempt, openedAtMs, asked, accepted } as const;
  return beginAggregation({ ...state, responseTimesMs }, round);
}

/** The state with this round's updates being aggregated. */
export function beginAggregation(
  state: SessionState,
  round: Extract<RoundState, { phase: 'aggregating' }>,
): Step {
  const { number, attempt, openedAtMs, asked } = round;
  const updates = inOrder(round.accepted);
  return {
    state: { ...state, round },
    effects: [
      announce({ type: 'round-closed', round: number, updates: updates.length }),
      { type: 'aggregate', round: number, attempt, openedAtMs, asked, updates },
    ],
  };
}

/** By node, as rows are. */
const inOrder = (accepted: Readonly<Record<string, AcceptedUpdate>>): AcceptedUpdate[] =>
  Object.keys(accepted)
    .sort()
    .map((node) => accepted[node]!);
