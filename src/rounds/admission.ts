/**
 * Whether a round takes a node's update. `admit` is the only function that decides it. It is asked three times:
 *
 *   before the body is read    so that a node does not upload in vain
 *   before it is made durable  the upload took its time, and the round may have closed: a record that the round's file
 *                              should not have would come back with it after a crash, unless the round was sealed
 *   when it is durable         by `update-stored`. Making it durable took its time too. This one counts
 */
import type { ErrorCode } from '../errors.js';
import { withRefusal } from './nodeRecords.js';
import type { Policy } from './policy.js';
import { acceptedIn, type Collecting } from './collecting.js';
import {
  type AcceptedUpdate,
  announce,
  type AttemptId,
  holdsUpdates,
  own,
  type RoundState,
  type SessionEvent,
  type SessionState,
  type Step,
} from './state.js';

/** An update that someone wants to bring in. */
export interface Upload {
  readonly node: string;
  /** The round that the node trained for: it started from the model of the round before. */
  readonly round: number;
  /** The attempt whose file holds the update, once one does. */
  readonly attempt?: AttemptId;
}

export type Admission =
  | { readonly kind: 'new'; readonly staleness: number }
  /** The round has an update of this node. The same bytes are answered as before, others are a conflict. */
  | { readonly kind: 'repeat'; readonly update: AcceptedUpdate }
  /**
   * A committed round may have this very update: its record says so. If it doesn't, the update is refused, with this
   * code and message.
   */
  | { readonly kind: 'past'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

export function admit(policy: Policy, state: SessionState, upload: Upload): Admission {
  const { node, round } = upload;
  const record = own(state.nodes, node);
  if (record === undefined) return refused('UNKNOWN_NODE', `${node} does not take part in this session.`);

  // A buffer would take it a second time, if the answer to the first was lost.
  const { trainedFor } = record;
  if (trainedFor !== null && round >= 1 && round <= trainedFor) {
    const why = exclusion(state, node) ?? timing(policy, state, round) ?? inPast(node, trainedFor);
    return { ...why, kind: 'past' };
  }
  const update = earlier(state, node);
  if (update?.trainedFor === round) return { kind: 'repeat', update: update.update };
  const refusal = exclusion(state, node) ?? timing(policy, state, round);
  if (refusal) return refusal;
  if (update && state.round.phase === 'collecting') return taken(node, update);
  return openness(state, upload);
}

type Refusal = Extract<Admission, { kind: 'refused' }>;

const refused = (code: ErrorCode, message: string): Refusal => ({ kind: 'refused', code, message });

const inPast = (node: string, round: number): Refusal =>
  refused('ROUND_CLOSED', `A committed round has an update of ${node} for round ${round}.`);

function exclusion({ nodes }: SessionState, node: string): Refusal | null {
  return nodes[node]!.excluded ? refused('NODE_EXCLUDED', `${node} is excluded from this session.`) : null;
}

interface Earlier {
  readonly update: AcceptedUpdate;
  readonly round: number;
  /** The round that it was trained for: in a buffer it may be an earlier one. */
  readonly trainedFor: number;
}

/** The update of this node that the current round holds. */
function earlier({ round: open }: SessionState, node: string): Earlier | undefined {
  const update = holdsUpdates(open) ? own(open.accepted, node) : undefined;
  if (update === undefined || !holdsUpdates(open)) return undefined;
  return { update, round: open.number, trainedFor: open.number - update.staleness };
}

/** Of an update for another round than the one that the buffer has: it takes one of each node. */
const taken = (node: string, { round, trainedFor }: Earlier): Refusal =>
  refused(
    'BUFFER_HAS_UPDATE',
    `Round ${round} has an update of ${node} already, trained for round ${trainedFor}; the next buffer takes another one.`,
  );

/** A refusal if the update is too late or too early for the round that is open, or opens next. */
function timing({ mode }: Policy, state: SessionState, round: number): Refusal | null {
  const { status } = state;
  if (status === 'completed' || status === 'stopped' || status === 'failed') {
    return refused('ROUND_CLOSED', `The session is ${status}.`);
  }
  const next = nextToCollect(state);
  if (round > next) return notYet(state.round, round);
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
  return round.phase === 'aggregating' || round.phase === 'committing' ? round.number + 1 : round.number;
}

function notYet(open: RoundState, round: number): Refusal {
  const now = open.phase === 'idle' ? 'no round is open' : `round ${open.number} is ${open.phase}`;
  return refused('ROUND_NOT_OPEN', `Round ${round} takes no updates yet: ${now}.`);
}

/** Of an update that is timely: whether the round takes it from this node, from where it is. */
function openness({ round: open }: SessionState, { node, round, attempt }: Upload): Admission {
  if (open.phase !== 'collecting') return notYet(open, round);
  if (attempt && (attempt.number !== open.number || attempt.attempt !== open.attempt)) {
    return refused('ROUND_CLOSED', 'The round closed while the update came.');
  }
  if (open.asked?.includes(node) === false) {
    return refused('NOT_ASKED', `Round ${open.number} asked other nodes.`);
  }
  return { kind: 'new', staleness: open.number - round };
}

type UpdateStored = Extract<SessionEvent, { type: 'update-stored' }>;

/** An update that is durable: from now on it is in the round, or refused. */
export function updateStored(policy: Policy, state: SessionState, event: UpdateStored): Step {
  const { round, attempt, update } = event;
  const admission = admit(policy, state, { node: update.node, round, attempt });
  switch (admission.kind) {
    case 'new':
      return accept(state, state.round as Collecting, event, admission.staleness);
    case 'repeat':
      return admission.update.digest === update.digest
        ? repeat(state, admission.update)
        : refuse(state, event, 'CONFLICTING_UPDATE', `${update.node} has sent another update before.`);
    case 'past':
    case 'refused':
      return refuse(state, event, admission.code, admission.message);
  }
}

/** @param round the open one, as admission said */
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

/** The same answer as the first time. */
function repeat(state: SessionState, update: AcceptedUpdate): Step {
  const { round } = state;
  if (!holdsUpdates(round)) return { state, effects: [] };
  return { state, effects: [{ type: 'accept', update, round: round.number, accepted: acceptedIn(round) }] };
}

function refuse(state: SessionState, event: UpdateStored, code: ErrorCode, message: string): Step {
  const { node } = event.update;
  return {
    state: withRefusal(state, node, code),
    effects: [{ type: 'refuse', node, round: event.round, code, message }],
  };
}
