/**
 * A session's rounds, as a pure function: no I/O, no clock, no randomness. An event comes in, with its time; the next
 * state and the effects to run come out. The same events give the same states, always and everywhere.
 *
 *           start               a quorum is present               all in, or deadline with a quorum
 *    idle ─────────▶ waiting ───────────────────────▶ collecting ────────────────────────▶ aggregating
 *     ▲               ▲   ▲                                │                                │    │
 *     │               │   │ untilMs                        │ deadline without a quorum      │    │ aggregated
 *     │               │   └───────── backing-off ◀─────────┴────── aggregation failed ──────┘    ▼
 *     │               │                   ▲                                                 committing
 *     │               │                   └────── the checkpoint could not be written ───────┘   │
 *     │               └──────────────────────────────────────────────────────────────────────────┘ committed
 *     │                                     (the next round)
 *     └── from each phase, when the session is completed, stopped or failed
 *
 *   waiting      nothing is pending but nodes: the round opens with the first event that finds a quorum of them
 *                present and the session running. A pause ends here.                                  collecting.ts
 *   collecting   updates are accepted or refused, until it is complete or its deadline comes.   admission.ts
 *   aggregating  the coordinator owes `aggregated` or `aggregation-failed`.                          committing.ts
 *   committing   the checkpoint is being written: the coordinator owes `committed`, or `aggregation-failed`. Events
 *                that come meanwhile count, though the checkpoint does not have them. A `stop` is answered at once,
 *                and the commit counts all the same if it succeeds.                                    committing.ts
 *   backing-off  a round that failed is tried again at untilMs, with fresh updates.                      failing.ts
 *
 * Each event is dealt with first, and then what follows from the state and the time (advance.ts): what came just before
 * the deadline was noticed is in the round. Where a phase waits for time, an effect `wake` says until when; ticks that
 * come early, late or twice do no harm.
 */
import { updateStored } from './admission.js';
import { advance, waking } from './advance.js';
import { aggregated, committed, evaluated } from './committing.js';
import { control } from './control.js';
import { aggregationFailed } from './failing.js';
import { arrived, left, removed, withRefusal } from './nodeRecords.js';
import type { Policy } from './policy.js';
import { recovered } from './recovery.js';
import { followedBy, type SessionEvent, type SessionState, stay, type Step } from './state.js';

// What the other layers use of the rounds; the files beside this one are imported only from here.
export { type Admission, admit, type Upload } from './admission.js';
export { isOver } from './control.js';
export { measured } from './earlyStopping.js';
export { backoffMs } from './failing.js';
export { type Heartbeat, type NodeStatus, nodeStatus, statusChangesAtMs } from './liveness.js';
export type { AdaptiveDeadline, Mode, NodeSelection, Policy, StopWhen } from './policy.js';
export { type Durable, restore } from './recovery.js';
export { eligible } from './sampling.js';
export { holdsUpdates } from './state.js';
export type {
  AcceptedUpdate,
  Announcement,
  AttemptId,
  ClosedRound,
  CommitAnnouncement,
  Effect,
  Failure,
  Judgment,
  NodeRecord,
  RoundState,
  RoundWithUpdates,
  SessionEvent,
  SessionState,
  SessionStatus,
} from './state.js';

/** A session that is not started. @param from `committed`: the round of its initial model; default: 0 */
export function begin(from: { readonly committed?: number } = {}): SessionState {
  return {
    status: 'created',
    reason: null,
    committed: from.committed ?? 0,
    round: { phase: 'idle' },
    failure: null,
    nodes: {},
    responseTimesMs: [],
    openings: {},
    best: null,
  };
}

/**
 * What an event makes of a state, and what is to be done, in order. Never throws; events that mean nothing in this
 * state change nothing.
 *
 * @param state not written to; the one that comes back shares what did not change
 */
export function step(policy: Policy, state: SessionState, event: SessionEvent): Step {
  const handled = handle(policy, state, event);
  const advanced = followedBy(handled, (state) => advance(policy, state, event.atMs));
  return waking(state, event, advanced);
}

function handle(policy: Policy, state: SessionState, event: SessionEvent): Step {
  switch (event.type) {
    case 'start':
    case 'pause':
    case 'resume':
    case 'stop':
      return control(state, event.type);
    case 'node-present':
      return stay(arrived(state, event.node));
    case 'node-absent':
      return stay(left(state, event.node));
    case 'node-removed':
      return stay(removed(state, event.node));
    case 'update-stored':
      return updateStored(policy, state, event);
    case 'update-refused':
      return stay(withRefusal(state, event.node, event.code));
    case 'tick':
      return stay(state);
    case 'aggregated':
      return aggregated(policy, state, event);
    case 'committed':
      return committed(policy, state, event);
    case 'aggregation-failed':
      return aggregationFailed(policy, state, event);
    case 'evaluated':
      return evaluated(policy, state, event);
    case 'recovered':
      return recovered(policy, state, event);
  }
}
