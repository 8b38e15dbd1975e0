/**
 * aggregating → committing → the next round's waiting; idle if the session ended meanwhile.
 *
 *   aggregated   the state after the commit and its announcements are worked out, and written into the checkpoint
 *   committed    the checkpoint is durable: the state moves on, and the announcements are made
 *
 * Events come while the checkpoint is being written, and change the state as ever. The checkpoint does not have them:
 * it stores the state of the moment when its writing began. `committed` takes the same step from the state as it is by
 * then, so that nothing is lost; only what was announced to the disk is not decided again (docs/decisions/0019-commit-phase.md).
 */
import { end, isOver } from './control.js';
import { finished, measured } from './earlyStopping.js';
import { withRound } from './nodeRecords.js';
import type { Policy } from './policy.js';
import {
  announce,
  type ClosedRound,
  type CommitAnnouncement,
  followedBy,
  type RoundState,
  type SessionEvent,
  type SessionState,
  stay,
  type Step,
} from './state.js';

type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>;
type Committing = Extract<RoundState, { phase: 'committing' }>;

export function aggregated(policy: Policy, state: SessionState, event: EventOf<'aggregated'>): Step {
  const { round } = state;
  if (round.phase !== 'aggregating' || event.round !== round.number) return stay(state);

  const { judgments, metrics } = event;
  const counted = withCommit(policy, state, round, event);
  const ended = ending(policy, counted);
  const announcements: readonly CommitAnnouncement[] = [
    { type: 'round-committed', round: event.round, metrics },
    ...newlyExcluded(state, counted).map(
      (node) => ({ type: 'node-excluded', node, round: event.round }) as const,
    ),
    ...(ended ? [ended] : []),
  ];
  const after = ended ? completed(counted, ended).state : counted;
  return {
    state: { ...state, round: { ...round, phase: 'committing', judgments, metrics, announcements } },
    effects: [{ type: 'write-checkpoint', round: event.round, state: after, announcements }],
  };
}

/** The model is durable, so the round counts, whatever has become of the session. */
export function committed(policy: Policy, state: SessionState, event: EventOf<'committed'>): Step {
  const { round } = state;
  if (round.phase !== 'committing' || event.round !== round.number) return stay(state);

  const ended = round.announcements.find(isEnding);
  const counted: Step = {
    state: withCommit(policy, state, round, round),
    effects: round.announcements.filter((event) => event !== ended).map(announce),
  };
  // A session that was stopped meanwhile has announced its end.
  if (!ended || isOver(state.status)) return counted;
  return followedBy(counted, (state) => completed(state, ended));
}

/** Also after the session's end: the last round's evaluation comes then. */
export function evaluated(policy: Policy, state: SessionState, event: EventOf<'evaluated'>): Step {
  const { round, metrics } = event;
  if (round < 0 || round > state.committed) return stay(state);
  return {
    state: measured(policy, state, round, metrics),
    effects: [announce({ type: 'round-evaluated', round, metrics })],
  };
}

/** The state with this round committed. */
function withCommit(
  policy: Policy,
  state: SessionState,
  round: ClosedRound,
  { judgments, metrics }: Pick<Committing, 'judgments' | 'metrics'>,
): SessionState {
  const { number } = round;
  return {
    ...measured(policy, withRound(policy, state, round, judgments), number, metrics),
    committed: number,
    failure: null,
    round: isOver(state.status) ? { phase: 'idle' } : { phase: 'waiting', number: number + 1, attempt: 1 },
  };
}

/** Ids in order. */
const newlyExcluded = (before: SessionState, { nodes }: SessionState): string[] =>
  Object.keys(nodes)
    .filter((node) => nodes[node]!.excluded && !before.nodes[node]!.excluded)
    .sort();

type Ending = Extract<CommitAnnouncement, { type: 'session-status' }>;

const isEnding = (event: CommitAnnouncement): event is Ending => event.type === 'session-status';

/** What the session announces if this commit is its last; null: it goes on, or ended before. */
function ending(policy: Policy, counted: SessionState): Ending | null {
  const reason = isOver(counted.status) ? null : finished(policy, counted);
  return reason === null ? null : { type: 'session-status', status: 'completed', reason };
}

const completed = (counted: SessionState, { reason }: Ending): Step => end(counted, 'completed', reason);
