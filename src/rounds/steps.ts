/** Puts steps together: the effects of one after those of the other. */
import type { Announcement, Effect, SessionState, Step } from './state.js';

export const stay = (state: SessionState): Step => ({ state, effects: [] });

export function followedBy(first: Step, next: (state: SessionState) => Step): Step {
  const second = next(first.state);
  return { state: second.state, effects: [...first.effects, ...second.effects] };
}

export const announce = (event: Announcement): Effect => ({ type: 'announce', event });
