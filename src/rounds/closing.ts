/** collecting → aggregating. */
import { remembered } from './deadline.js';
import type { Policy } from './policy.js';
import { type Collecting, missing } from './quorum.js';
import { type AcceptedUpdate, announce, type RoundState, type SessionState, type Step } from './state.js';

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
