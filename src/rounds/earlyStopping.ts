/**
 * When a session is at its end: all rounds are committed, or stopWhen is met. The state alone tells, at any time, so
 * that a restart between the last commit and its announcement changes nothing.
 */
import type { Policy, StopWhen } from './policy.js';
import type { SessionState } from './state.js';

/** The state with what a committed round measured, by the coordinator or by nodes. */
export function measured(
  policy: Policy,
  state: SessionState,
  round: number,
  metrics: Readonly<Record<string, number>>,
): SessionState {
  const { stopWhen } = policy;
  if (stopWhen === null) return state;
  const value = metrics[stopWhen.metric]!;
  if (!Number.isFinite(value)) return state; // not measured, too

  const { best } = state;
  if (best === null) return { ...state, best: { value, round, measured: round } };
  const newest = Math.max(best.measured, round);
  const better = stopWhen.goal === 'max' ? value > best.value : value < best.value;
  return { ...state, best: better ? { value, round, measured: newest } : { ...best, measured: newest } };
}

/** Why the session is at its end; null: it isn't. */
export function finished(policy: Policy, state: SessionState): string | null {
  const { stopWhen, rounds } = policy;
  if (stopWhen !== null && state.best !== null) {
    const { best } = state;
    if (reaches(stopWhen, best.value)) return `${stopWhen.metric} was ${best.value} in round ${best.round}.`;
    if (stopWhen.patience !== null && best.measured - best.round >= stopWhen.patience) {
      const unimproved = best.measured - best.round;
      return `${stopWhen.metric} has not improved for ${unimproved} rounds: ${best.value} in round ${best.round}.`;
    }
  }
  return state.committed >= rounds ? `All of the ${rounds} rounds are committed.` : null;
}

function reaches({ goal, reaches }: StopWhen, value: number): boolean {
  if (reaches === null) return false;
  return goal === 'max' ? value >= reaches : value <= reaches;
}
