/**
 * Whether a node's update would be taken now. The same is asked before a body is read, and decided when the update is
 * durable, so that no one uploads in vain who could have been told.
 */
import type { ErrorCode } from '../errors.js';
import { withRefusal } from './nodeRecords.js';
import type { Policy } from './policy.js';
import { acceptedIn, type Collecting } from './quorum.js';
import {
  type AcceptedUpdate,
  announce,
  own,
  type SessionEvent,
  type SessionState,
  type Step,
} from './state.js';

export type Admission =
  | { readonly kind: 'new'; readonly staleness: number }
  /** The round has an update of this node. The same again is answered as before, another one is a conflict. */
  | { readonly kind: 'repeat'; readonly update: AcceptedUpdate }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

/** @param upload `round`: the one that the node trained for, so that it started from the model of the round before */
export function admit(
  policy: Policy,
  state: SessionState,
  upload: { readonly node: string; readonly round: number },
): Admission {
  const { node, round } = upload;
  const record = own(state.nodes, node);
  if (record === undefined) return refused('UNKNOWN_NODE', `${node} does not take part in this session.`);

  const update = earlier(policy, state, node, round);
  if (update !== undefined) return { kind: 'repeat', update };
  if (record.excluded) return refused('NODE_EXCLUDED', `${node} is excluded from this session.`);

  const untimely = timing(policy, state, round);
  if (untimely !== null) return untimely;
  // A buffer would take it a second time, where the answer to the first was lost.
  if (record.trainedFor !== null && round <= record.trainedFor) {
    return refused(
      'ROUND_CLOSED',
      `An update of ${node} for round ${record.trainedFor} is in a round already.`,
    );
  }
  if (state.round.phase !== 'collecting') return notYet(state, round);
  if (state.round.asked?.includes(node) === false) {
    return refused('NOT_ASKED', `Round ${state.round.number} asked other nodes.`);
  }
  return { kind: 'new', staleness: state.round.number - round };
}

/** What the round under way has of this node. A buffer takes one update a node, whichever round it was for. */
function earlier(
  { mode }: Policy,
  { round: open }: SessionState,
  node: string,
  round: number,
): AcceptedUpdate | undefined {
  if (open.phase !== 'collecting' && open.phase !== 'aggregating') return undefined;
  const taken = mode.kind === 'buffered' ? round <= open.number : round === open.number;
  return taken ? own(open.accepted, node) : undefined;
}

/** A refusal if the update is too late or too early for what is open, or opens next. */
function timing({ mode }: Policy, state: SessionState, round: number): Admission | null {
  const { status } = state;
  if (status === 'completed' || status === 'stopped' || status === 'failed') {
    return refused('ROUND_CLOSED', `The session is ${status}.`);
  }
  const next = nextToCollect(state);
  if (round > next) return notYet(state, round);
  if (round < 1) return refused('ROUND_CLOSED', 'The first round is 1.');
  if (round === next) return null;
  if (mode.kind === 'sync') return refused('ROUND_CLOSED', `Round ${round} takes no more updates.`);
  if (next - round <= mode.maxStaleness) return null;
  return refused(
    'STALE_UPDATE',
    `Round ${next} takes updates for rounds from ${next - mode.maxStaleness} on.`,
  );
}

/** The round that collects, or that will next. */
function nextToCollect({ round, committed }: SessionState): number {
  if (round.phase === 'idle') return committed + 1;
  return round.phase === 'aggregating' ? round.number + 1 : round.number;
}

function notYet({ round: open }: SessionState, round: number): Admission {
  const now = open.phase === 'idle' ? 'no round is open' : `round ${open.number} is ${open.phase}`;
  return refused('ROUND_NOT_OPEN', `Round ${round} takes no updates yet: ${now}.`);
}

const refused = (code: ErrorCode, message: string): Admission => ({ kind: 'refused', code, message });

/** An update that is durable: it is in the round from now on, or refused. */
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
