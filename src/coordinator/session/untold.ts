/**
 * What is durable of a session's newest round and was not told, for a kill came in between. The events that are kept
 * know, from the round's closing on: without that one all is long past, or set aside.
 */
import type { EventLog } from '../../store/store.js';

export interface Untold {
  readonly committed: boolean;
  readonly evaluated: boolean;
}

export function untold(events: EventLog, session: string, round: number): Untold {
  const types = events
    .since(events.first - 1, Infinity)
    .filter(({ body }) => body.session === session && body.round === round)
    .map(({ body }) => body.type);
  const isKnown = types.includes('round-closed');
  return {
    committed: isKnown && !types.includes('round-committed'),
    evaluated: isKnown && !types.includes('round-evaluated'),
  };
}
