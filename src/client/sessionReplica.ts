/**
 * A node's copy of the state of its session, maintained from views, which it requests, and events, which it receives.
 * Views and events can overtake each other. Therefore an event is applied only if it advances the position: the round's
 * number, its attempt, and the stage of that attempt. A view replaces the state, even backward as after a restart of the
 * server, unless an event was applied since the view was requested; then it is dropped.
 */
import type { SessionView } from '../protocol/views.js';
import type { FeedEvent } from './feedEvent.js';
import { aborted } from './waiting.js';

/** A round that accepts updates. */
export interface OpenRound {
  readonly number: number;
  readonly attempt: number;
  /** The nodes that the round asked; null: every node. */
  readonly asked: readonly string[] | null;
}

/** The replica of one session; made by `createSessionReplica`. */
export interface SessionReplica {
  readonly status: SessionView['status'];
  readonly reason: string | null;
  readonly committed: number;
  /** Null if no round accepts updates. */
  readonly open: OpenRound | null;
  /** Whether this node is done with the open round. */
  readonly answered: boolean;
  readonly excluded: boolean;
  /** The newest applied view, for what does not change: the configuration and the model's shape. Null before the first. */
  readonly view: SessionView | null;
  /** Whether the round may still accept an update, in this attempt or a later one. For sessions in sync mode. */
  awaits(round: number): boolean;
  /** Incremented by each event that changes the state. */
  readonly version: number;
  /** @param asOf the version when the view was requested @returns whether it was applied */
  applyView(view: SessionView, asOf: number): boolean;
  /** Ignored unless it advances the state. */
  applyEvent(event: FeedEvent): void;
  /** Marks a round as answered, if it is still the open one. */
  markAnswered(round: OpenRound): void;
  /** Calls the listener after each change. Returns a function that removes it. */
  onChange(listener: () => void): () => void;
  /** Resolves at the next change. @throws QuorateError ABORTED */
  change(signal: AbortSignal): Promise<void>;
}

/** Whether a status is final. */
export const hasEnded = (status: SessionView['status']): boolean =>
  status === 'completed' || status === 'stopped' || status === 'failed';

/** The stages of an attempt, in order. */
const stages = { waiting: 0, collecting: 1, failed: 2, closed: 3 } as const;

const stageOf = {
  waiting: stages.waiting,
  collecting: stages.collecting,
  'backing-off': stages.failed,
  aggregating: stages.closed,
} as const;

/** The round's number, its attempt, its stage. */
type Position = readonly [number: number, attempt: number, stage: number];

/** Positive if `a` is further along than `b`. */
function compare(a: Position, b: Position): number {
  const differing = a.findIndex((part, index) => part !== b[index]);
  return differing < 0 ? 0 : a[differing]! > b[differing]! ? 1 : -1;
}

interface State {
  status: SessionView['status'];
  reason: string | null;
  committed: number;
  position: Position;
  open: OpenRound | null;
  answered: boolean;
  excluded: boolean;
}

function stateOf(view: SessionView, node: string): Omit<State, 'answered'> {
  const { status, reason, committed, round } = view;
  const excluded = view.nodes.some((record) => record.node === node && record.excluded);
  const common = { status, reason, committed, excluded };
  if (hasEnded(status) || !round || round.phase === 'committed') {
    return { ...common, position: [committed, Infinity, stages.closed], open: null };
  }
  const { number, attempt, asked, phase } = round;
  const stage = stageOf[phase];
  const open = phase === 'collecting' ? { number, attempt, asked } : null;
  return { ...common, position: [number, attempt, stage], open };
}

/** Applies an event. @returns whether anything changed */
function apply(state: State, event: FeedEvent, node: string): boolean {
  const advance = (to: Position, open: OpenRound | null): boolean => {
    if (compare(to, state.position) <= 0) return false;
    state.position = to;
    state.open = open;
    state.answered = false;
    return true;
  };
  switch (event.type) {
    case 'session-status':
      if (hasEnded(state.status) || state.status === event.status) return false;
      state.status = event.status;
      state.reason = event.reason;
      if (hasEnded(event.status)) state.open = null;
      return true;
    case 'round-opened': {
      const { round: number, attempt, asked } = event;
      return advance([number, attempt, stages.collecting], { number, attempt, asked });
    }
    case 'round-closed': {
      const [number, attempt] = state.position;
      return number === event.round && advance([number, attempt, stages.closed], null);
    }
    case 'round-failed':
      return advance([event.round, event.attempt, stages.failed], null);
    case 'round-committed': {
      const advanced = advance([event.round, Infinity, stages.closed], null);
      const committed = event.round > state.committed;
      if (committed) state.committed = event.round;
      return advanced || committed;
    }
    case 'node-excluded':
      if (state.excluded || event.node !== node) return false;
      state.excluded = true;
      return true;
  }
}

/** An empty replica, for the given node. */
export function createSessionReplica(node: string): SessionReplica {
  const listeners = new Set<() => void>();
  const state: State = {
    status: 'created',
    reason: null,
    committed: 0,
    position: [0, 0, stages.waiting],
    open: null,
    answered: false,
    excluded: false,
  };
  let version = 0;
  let view: SessionView | null = null;

  const notify = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const onChange = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  return {
    get status() {
      return state.status;
    },
    get reason() {
      return state.reason;
    },
    get committed() {
      return state.committed;
    },
    get open() {
      return state.open;
    },
    get answered() {
      return state.answered;
    },
    get excluded() {
      return state.excluded;
    },
    get version() {
      return version;
    },
    get view() {
      return view;
    },

    awaits(round) {
      const [number, , stage] = state.position;
      const closed = number === round && stage === stages.closed;
      return !hasEnded(state.status) && state.committed < round && !closed;
    },

    applyView(newView, asOf) {
      if (asOf !== version) return false;
      view = newView;
      const seen = stateOf(newView, node);
      const same = compare(seen.position, state.position) === 0;
      Object.assign(state, seen, { answered: same && state.answered });
      notify();
      return true;
    },

    applyEvent(event) {
      if (!apply(state, event, node)) return;
      version++;
      notify();
    },

    markAnswered({ number, attempt }) {
      if (state.open?.number === number && state.open.attempt === attempt) state.answered = true;
    },

    onChange,
    change: (signal) =>
      new Promise((resolve, reject) => {
        const finish = (then: () => void) => (): void => {
          unlisten();
          signal.removeEventListener('abort', fail);
          then();
        };
        const fail = finish(() => {
          reject(aborted(signal));
        });
        const unlisten = onChange(finish(resolve));
        signal.addEventListener('abort', fail, { once: true });
        if (signal.aborted) fail();
      }),
  };
}
