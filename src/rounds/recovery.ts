/**
 * After a restart. `restore` makes a state of what is durable; the round that was under way comes back with the event
 * `recovered`, if its file was found, before any other event, and has the rest of its time; else the round opens anew once
 * nodes are there.
 */
import { beginAggregation, collect } from './collecting.js';
import { isOver } from './control.js';
import { fail } from './failing.js';
import { newcomer } from './nodeRecords.js';
import type { Policy } from './policy.js';
import {
  type AcceptedUpdate,
  announce,
  holdsUpdates,
  own,
  type RoundState,
  type SessionEvent,
  type SessionState,
  stay,
  type Step,
} from './state.js';

/** What is newer than the checkpoint's snapshot, or known without one. */
export interface Durable {
  /** The journal's. */
  readonly status: SessionState['status'];
  readonly reason: string | null;
  /** The newest checkpoint's round. */
  readonly committed: number;
  /** Who takes part in the session, as the journal says: those that came or were removed since the snapshot too. */
  readonly nodes: readonly string[];
}

/** @param snapshot from the newest checkpoint. Who is there is not known from it: all nodes are absent until heard. */
export function restore(snapshot: SessionState | null, durable: Durable): SessionState {
  const { committed } = durable;
  // A commit that ended the session is durable before the journal is: no session goes on after its end.
  const isEnded = snapshot !== null && isOver(snapshot.status) && !isOver(durable.status);
  const { status, reason } = isEnded ? snapshot : durable;
  return {
    status,
    reason,
    committed,
    round: restoredRound(snapshot, { status, committed }),
    failure: null,
    nodes: absent(snapshot?.nodes ?? {}, durable.nodes),
    responseTimesMs: snapshot?.responseTimesMs ?? [],
    openings: snapshot?.openings ?? {},
    best: snapshot?.best ?? null,
  };
}

function restoredRound(
  snapshot: SessionState | null,
  { status, committed }: Pick<Durable, 'status' | 'committed'>,
): RoundState {
  if (status === 'created' || isOver(status)) return { phase: 'idle' };
  const number = committed + 1;
  const before = snapshot?.round;
  const attempt = before && before.phase !== 'idle' && before.number === number ? before.attempt : 1;
  return { phase: 'waiting', number, attempt };
}

function absent(known: SessionState['nodes'], nodes: readonly string[]): SessionState['nodes'] {
  return Object.fromEntries(
    nodes.map((node) => [node, { ...(own(known, node) ?? newcomer), present: false }]),
  );
}

type Recovered = Extract<SessionEvent, { type: 'recovered' }>;

/** A file that is not of the round that comes next is discarded. */
export function recovered(policy: Policy, state: SessionState, event: Recovered): Step {
  const { round, attempt, asked, sealed, updates } = event;
  if (isUnderWay(state, event)) return stay(state);
  if (state.round.phase !== 'waiting' || round !== state.round.number || attempt < state.round.attempt) {
    return { state, effects: [{ type: 'discard-round', round, attempt }] };
  }
  if (sealed !== null) return recoverSealed(policy, state, event, sealed);

  const awaited = unheard(state);
  const fresh = { number: round, attempt, asked, awaited, accepted: byNode(updates) };
  const openedAtMs = event.atMs - event.elapsedMs;
  const collecting = collect(policy, state, fresh, { openedAtMs, durationMs: event.durationMs });
  const { deadlineAtMs } = collecting.round;
  return {
    state: collecting,
    effects: [announce({ type: 'round-opened', round, attempt, asked, deadlineAtMs })],
  };
}

function isUnderWay({ round: open }: SessionState, { round, attempt }: Recovered): boolean {
  return holdsUpdates(open) && open.number === round && open.attempt === attempt;
}

/** The very same updates are aggregated again; with others it would be another model. */
function recoverSealed(
  policy: Policy,
  state: SessionState,
  { atMs, elapsedMs, round: number, attempt, asked, updates }: Recovered,
  sealed: readonly string[],
): Step {
  const found = byNode(updates.filter(({ node }) => sealed.includes(node)));
  const lost = sealed.filter((node) => !Object.hasOwn(found, node));
  if (lost.length > 0) {
    const message = `The updates of ${lost.join(', ')} are not whole any more.`;
    return fail(policy, state, { number, attempt, code: 'CORRUPT_FILE', message }, atMs);
  }
  return beginAggregation(state, {
    phase: 'aggregating',
    number,
    attempt,
    openedAtMs: atMs - elapsedMs,
    asked,
    accepted: found,
  });
}

/** Those that may have been there before the restart, and have not been heard since. */
const unheard = ({ nodes }: SessionState): string[] =>
  Object.keys(nodes)
    .filter((node) => !nodes[node]!.present)
    .sort();

const byNode = (updates: readonly AcceptedUpdate[]): Record<string, AcceptedUpdate> =>
  Object.fromEntries(updates.map((update) => [update.node, update]));
