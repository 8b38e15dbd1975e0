/** What the session's owner asks for. In a state in which it means nothing, nothing happens. */
import { end } from './ending.js';
import type { SessionState, SessionStatus, Step } from './state.js';
import { announce, stay } from './steps.js';

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
