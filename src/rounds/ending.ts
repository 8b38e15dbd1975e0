/** The ends of a session: completed, stopped, failed. */
import type { SessionState, Step } from './state.js';
import { announce } from './steps.js';

/**
 * A round that collects is discarded. One that is being aggregated is to be given up, but may be durable already, so
 * it stays until the outcome is known: `committed` then still counts.
 */
export function end(
  state: SessionState,
  status: 'completed' | 'stopped' | 'failed',
  reason: string | null,
): Step {
  const { round } = state;
  const ended = announce({ type: 'session-status', status, reason });
  if (round.phase !== 'collecting' && round.phase !== 'aggregating') {
    return { state: { ...state, status, reason, round: { phase: 'idle' } }, effects: [ended] };
  }
  return {
    state: { ...state, status, reason, round: round.phase === 'aggregating' ? round : { phase: 'idle' } },
    effects: [{ type: 'discard-round', round: round.number, attempt: round.attempt }, ended],
  };
}
