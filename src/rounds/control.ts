/** What the session's owner asks for. In a state in which it means nothing, nothing happens. */
import { announce, holdsUpdates, type SessionState, type SessionStatus, stay, type Step } from './state.js';

export function control(state: SessionState, command: 'start' | 'pause' | 'resume' | 'stop'): Step {
  switch (command) {
    case 'start':
      return state.status === 'created' ? start(state) : stay(state);
    case 'pause':
      return state.status === 'running' ? become(state, 'paused') : stay(state);
    case 'resume':
      return state.status === 'paused' ? become(state, 'running') : stay(state);
    case 'stop':
      return isOver(state.status) ? stay(state) : end(state, 'stopped', null);
  }
}

export const isOver = (status: SessionStatus): boolean =>
  status === 'completed' || status === 'stopped' || status === 'failed';

function start(state: SessionState): Step {
  const round = { phase: 'waiting', number: state.committed + 1, attempt: 1 } as const;
  return become({ ...state, round }, 'running');
}

/** The round under way goes on through a pause; only no other opens (advance.ts). */
function become(state: SessionState, status: SessionStatus): Step {
  const changed = announce({ type: 'session-status', status, reason: null });
  return { state: { ...state, status, reason: null }, effects: [changed] };
}

/* The ends of a session: completed, stopped, failed. */

/**
 * A round that collects is discarded. One that is being aggregated or committed is canceled, but its checkpoint may be
 * durable already, so it stays until the outcome is known: `committed` then still counts.
 */
export function end(
  state: SessionState,
  status: 'completed' | 'stopped' | 'failed',
  reason: string | null,
): Step {
  const { round } = state;
  const ended = announce({ type: 'session-status', status, reason });
  if (!holdsUpdates(round)) {
    return { state: { ...state, status, reason, round: { phase: 'idle' } }, effects: [ended] };
  }
  return {
    state: { ...state, status, reason, round: round.phase === 'collecting' ? { phase: 'idle' } : round },
    effects: [{ type: 'discard-round', round: round.number, attempt: round.attempt }, ended],
  };
}
