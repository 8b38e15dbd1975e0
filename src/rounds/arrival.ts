/** An update that is durable: it is in the round from now on, or refused. */
import type { ErrorCode } from '../errors.js';
import { admit } from './admission.js';
import { withRefusal } from './history.js';
import type { Policy } from './policy.js';
import { acceptedIn, type Collecting } from './quorum.js';
import type { AcceptedUpdate, SessionEvent, SessionState, Step } from './state.js';
import { announce } from './steps.js';

type UpdateStored = Extract<SessionEvent, { type: 'update-stored' }>;

export function updateStored(policy: Policy, state: SessionState, event: UpdateStored): Step {
  const { round, update } = event;
  const admission = admit(policy, state, { node: update.node, round });
  switch (admission.kind) {
    case 'new':
      return accept(state, state.round as Collecting, event, admission.staleness);
    case 'repeat':
      return admission.update.digest === update.digest
        ? repeat(state, admission.update)
        : refuse(state, event, 'CONFLICTING_UPDATE', `${update.node} has sent another update before.`);
    case 'refused':
      return refuse(state, event, admission.code, admission.message);
  }
}

/** `round`: the open one, as admission said. */
function accept(state: SessionState, round: Collecting, event: UpdateStored, staleness: number): Step {
  const { node } = event.update;
  const openedAtMs = state.openings[event.round] ?? round.openedAtMs;
  const update: AcceptedUpdate = {
    ...event.update,
    staleness,
    responseMs: Math.max(0, event.atMs - openedAtMs),
  };
  const grown: Collecting = { ...round, accepted: { ...round.accepted, [node]: update } };
  const accepted = acceptedIn(grown);
  return {
    state: { ...state, round: grown },
    effects: [
      { type: 'accept', update, round: round.number, accepted },
      announce({ type: 'update-accepted', round: round.number, node, accepted }),
    ],
  };
}

/** The answer of the first time once more. */
function repeat(state: SessionState, update: AcceptedUpdate): Step {
  const { round } = state;
  if (round.phase !== 'collecting' && round.phase !== 'aggregating') return { state, effects: [] };
  return { state, effects: [{ type: 'accept', update, round: round.number, accepted: acceptedIn(round) }] };
}

function refuse(state: SessionState, event: UpdateStored, code: ErrorCode, message: string): Step {
  const { node } = event.update;
  return {
    state: withRefusal(state, node, code),
    effects: [{ type: 'refuse', node, round: event.round, code, message }],
  };
}
