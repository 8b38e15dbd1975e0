/** aggregating → the next round's waiting, or backing-off; idle if the session ended meanwhile. */
import { isOver } from './control.js';
import { measured } from './earlyStopping.js';
import { fail } from './failing.js';
import { withRound } from './nodeRecords.js';
import type { Policy } from './policy.js';
import { announce, type SessionEvent, type SessionState, stay, type Step } from './state.js';

type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>;

/** The model is durable, so the round counts whatever became of the session. */
export function committed(policy: Policy, state: SessionState, event: EventOf<'committed'>): Step {
  const { round } = state;
  if (round.phase !== 'aggregating' || event.round !== round.number) return stay(state);

  const counted = measured(
    policy,
    withRound(policy, state, round, event.judgments),
    event.round,
    event.metrics,
  );
  const excluded = Object.keys(counted.nodes)
    .filter((node) => counted.nodes[node]!.excluded && !state.nodes[node]!.excluded)
    .sort();
  return {
    state: {
      ...counted,
      committed: event.round,
      round: isOver(state.status)
        ? { phase: 'idle' }
        : { phase: 'waiting', number: event.round + 1, attempt: 1 },
    },
    effects: [
      announce({ type: 'round-committed', round: event.round, metrics: event.metrics }),
      ...excluded.map((node) => announce({ type: 'node-excluded', node, round: event.round })),
    ],
  };
}

export function aggregationFailed(
  policy: Policy,
  state: SessionState,
  event: EventOf<'aggregation-failed'>,
): Step {
  const { round } = state;
  if (round.phase !== 'aggregating' || event.round !== round.number) return stay(state);
  // It was discarded when the session ended.
  if (isOver(state.status)) return stay({ ...state, round: { phase: 'idle' } });

  const { number, attempt } = round;
  return fail(policy, state, { number, attempt, code: event.code, message: event.message }, event.atMs);
}

/** Also after the session's end: the last round's evaluation comes then. */
export function evaluated(policy: Policy, state: SessionState, event: EventOf<'evaluated'>): Step {
  const { round, metrics } = event;
  if (round < 0 || round > state.committed) return stay(state);
  return {
    state: measured(policy, state, round, metrics),
    effects: [announce({ type: 'round-evaluated', round, metrics })],
  };
}
