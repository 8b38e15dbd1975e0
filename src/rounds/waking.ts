/** When the session wants to hear the time. */
import type { SessionEvent, SessionState, Step } from './state.js';

/** Null: no phase waits for time. */
export function wakeAtMs({ round }: SessionState): number | null {
  if (round.phase === 'collecting') return round.deadlineAtMs;
  return round.phase === 'backing-off' ? round.untilMs : null;
}

/** Tells of a time that changed. A tick has used up its timer, so the time is told again if it came too early. */
export function waking(before: SessionState, event: SessionEvent, { state, effects }: Step): Step {
  const atMs = wakeAtMs(state);
  const isTold = atMs === wakeAtMs(before) && !(event.type === 'tick' && atMs !== null);
  return { state, effects: isTold ? effects : [...effects, { type: 'wake', atMs }] };
}
