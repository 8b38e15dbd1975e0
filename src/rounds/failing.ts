/** collecting, aggregating or committing → backing-off, or the end of the session. */
import { end, isOver } from './control.js';
import type { Policy } from './policy.js';
import { acceptedIn, type Collecting } from './collecting.js';
import {
  announce,
  type Failure,
  followedBy,
  type SessionEvent,
  type SessionState,
  stay,
  type Step,
} from './state.js';

/** What came is discarded; the same round is tried again after a while, unless it has had its attempts. */
export function fail(policy: Policy, state: SessionState, failure: Failure, atMs: number): Step {
  const { number, attempt, code, message } = failure;
  const untilMs = atMs + backoffMs(policy, attempt);
  const failed: Step = {
    state: { ...state, failure, round: { phase: 'backing-off', number, attempt, untilMs } },
    effects: [
      announce({ type: 'round-failed', round: number, attempt, code, message }),
      { type: 'discard-round', round: number, attempt },
    ],
  };
  if (policy.retry.attempts === null || attempt < policy.retry.attempts) return failed;

  const reason = `Round ${number} failed at its last attempt, number ${attempt}: ${message}`;
  return followedBy(failed, (state) => end(state, 'failed', reason));
}

export function failWithoutQuorum(
  policy: Policy,
  state: SessionState,
  round: Collecting,
  atMs: number,
): Step {
  const { number, attempt, openedAtMs } = round;
  const count = acceptedIn(round);
  const updates = `${count} ${count === 1 ? 'update' : 'updates'}`;
  const message = `${updates} arrived within ${atMs - openedAtMs} ms; the quorum is ${policy.quorum}.`;
  return fail(policy, state, { number, attempt, code: 'TOO_FEW_UPDATES', message }, atMs);
}

/** The aggregation failed, or its checkpoint could not be written. */
export function aggregationFailed(
  policy: Policy,
  state: SessionState,
  event: Extract<SessionEvent, { type: 'aggregation-failed' }>,
): Step {
  const { round } = state;
  const isOwed = round.phase === 'aggregating' || round.phase === 'committing';
  if (!isOwed || event.round !== round.number) return stay(state);
  // It was discarded when the session ended.
  if (isOver(state.status)) return stay({ ...state, round: { phase: 'idle' } });

  const { number, attempt } = round;
  return fail(policy, state, { number, attempt, code: event.code, message: event.message }, event.atMs);
}

/** firstMs, doubled with each attempt, at most maxMs. */
export function backoffMs({ retry }: Policy, attempt: number): number {
  return Math.min(retry.maxMs, retry.firstMs * 2 ** (attempt - 1));
}
