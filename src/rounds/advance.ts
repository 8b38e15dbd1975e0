/**
 * What follows from the state and the time alone, after any event: a round opens, closes, fails or is tried again,
 * or the session is at its end. Each step leads to another phase, and none back to where it came from at the same
 * time, so that this ends.
 */
import {
  close,
  closeAtDeadline,
  type Collecting,
  hasQuorum,
  isComplete,
  mayOpen,
  open,
} from './collecting.js';
import { end } from './control.js';
import { finished } from './earlyStopping.js';
import { failWithoutQuorum } from './failing.js';
import type { Policy } from './policy.js';
import {
  followedBy,
  type RoundState,
  type SessionEvent,
  type SessionState,
  stay,
  type Step,
} from './state.js';

export function advance(policy: Policy, state: SessionState, atMs: number): Step {
  const next = advanceOnce(policy, state, atMs);
  return next === null ? stay(state) : followedBy(next, (state) => advance(policy, state, atMs));
}

function advanceOnce(policy: Policy, state: SessionState, atMs: number): Step | null {
  const { status, round } = state;
  if (status !== 'running' && status !== 'paused') return null;
  // The coordinator owes an outcome, which comes first: the checkpoint may be durable already.
  if (round.phase === 'idle' || round.phase === 'aggregating' || round.phase === 'committing') return null;

  const reason = finished(policy, state);
  if (reason !== null) return end(state, 'completed', reason);

  switch (round.phase) {
    case 'waiting':
      return status === 'running' && mayOpen(policy, state) ? open(policy, state, round, atMs) : null;
    case 'collecting':
      return advanceCollecting(policy, state, round, atMs);
    case 'backing-off':
      return atMs < round.untilMs ? null : stay(tryAgain(state, round));
  }
}

function advanceCollecting(
  policy: Policy,
  state: SessionState,
  round: Collecting,
  atMs: number,
): Step | null {
  if (isComplete(policy, state, round)) return close(policy, state, round);
  if (atMs < round.deadlineAtMs) return null;
  return hasQuorum(policy, round)
    ? closeAtDeadline(policy, state, round, atMs)
    : failWithoutQuorum(policy, state, round, atMs);
}

function tryAgain(
  state: SessionState,
  { number, attempt }: Extract<RoundState, { phase: 'backing-off' }>,
): SessionState {
  return { ...state, round: { phase: 'waiting', number, attempt: attempt + 1 } };
}

/* When the session wants to hear the time. */

/** Null: no phase waits for time. */
export function wakeAtMs({ round }: SessionState): number | null {
  if (round.phase === 'collecting') return round.deadlineAtMs;
  return round.phase === 'backing-off' ? round.untilMs : null;
}

/** Adds a `wake` if its time has changed. A tick uses up its timer, so a tick that came too early sets it again. */
export function waking(before: SessionState, event: SessionEvent, { state, effects }: Step): Step {
  const atMs = wakeAtMs(state);
  const isSet = atMs === wakeAtMs(before) && !(event.type === 'tick' && atMs !== null);
  return { state, effects: isSet ? effects : [...effects, { type: 'wake', atMs }] };
}
