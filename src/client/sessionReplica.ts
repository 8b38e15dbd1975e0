/**
 * What a node knows of its session: put together from views, which it asks for, and from events, which it is told.
 * They overtake each other on the way. So an event counts only if it leads further than what is known, by the round's
 * number, its attempt, and how far that has come; and a view is the whole truth if nothing was heard since it was asked
 * for, even if it leads back, as after a server's restart, and counts for nothing otherwise.
 */
import type { SessionView } from '../protocol/views.js';
import type { FeedEvent } from './feedEvent.js';
import { aborted } from './waiting.js';

/** A round that takes updates. */
export interface OpenRound {
  readonly number: number;
  readonly attempt: number;
  /** Null: every node. */
  readonly asked: readonly string[] | null;
}

export interface SessionReplica {
  readonly status: SessionView['status'];
  readonly reason: string | null;
  readonly committed: number;
  /** Null: no round takes updates. */
  readonly open: OpenRound | null;
  /** Whether this node has said all that it has to say to the open round. */
  readonly answered: boolean;
  readonly excluded: boolean;
  /** The newest view that counted; null before the first. For what doesn't change: the configuration, the model's shape. */
  readonly view: SessionView | null;
  /** Whether a round that is trained from the model before it may still take an update, in this attempt or the next. */
  awaits(round: number): boolean;
  /** Changes with each event that changed anything. */
  readonly version: number;
  /** @returns whether it counted: `asOf` is the version when it was asked for */
  see(view: SessionView, asOf: number): boolean;
  hear(event: FeedEvent): void;
  /** That round, if it is still the open one, needs no more of this node. */
  markAnswered(round: OpenRound): void;
  /** Calls back after each change. Returns what ends it. */
  onChange(listener: () => void): () => void;
  /** Resolves at the next change. @throws QuorateError ABORTED */
  change(signal: AbortSignal): Promise<void>;
}

export const hasEnded = (status: SessionView['status']): boolean =>
  status === 'completed' || status === 'stopped' || status === 'failed';

/** How far an attempt has come. */
const stages = { waiting: 0, collecting: 1, failed: 2, closed: 3 } as const;

const stageOf = {
  waiting: stages.waiting,
  collecting: stages.collecting,
  'backing-off': stages.failed,
  aggregating: stages.closed,
} as const;

/** The round's number, its attempt, its stage. */
type Position = readonly [number: number, attempt: number, stage: number];

/** Above 0: `a` is further. */
function compare(a: Position, b: Position): number {
  const differing = a.findIndex((part, index) => part !== b[index]);
  return differing < 0 ? 0 : a[differing]! > b[differing]! ? 1 : -1;
}

interface Knowledge {
  status: SessionView['status'];
  reason: string | null;
  committed: number;
  position: Position;
  open: OpenRound | null;
  answered: boolean;
  excluded: boolean;
}

function knowledgeOf(view: SessionView, node: string): Omit<Knowledge, 'answered'> {
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

/** Whether anything changed. */
function take(known: Knowledge, event: FeedEvent, node: string): boolean {
  const advance = (to: Position, open: OpenRound | null): boolean => {
    if (compare(to, known.position) <= 0) return false;
    known.position = to;
    known.open = open;
    known.answered = false;
    return true;
  };
  switch (event.type) {
    case 'session-status':
      if (hasEnded(known.status) || known.status === event.status) return false;
      known.status = event.status;
      known.reason = event.reason;
      if (hasEnded(event.status)) known.open = null;
      return true;
    case 'round-opened': {
      const { round: number, attempt, asked } = event;
      return advance([number, attempt, stages.collecting], { number, attempt, asked });
    }
    case 'round-closed': {
      const [number, attempt] = known.position;
      return number === event.round && advance([number, attempt, stages.closed], null);
    }
    case 'round-failed':
      return advance([event.round, event.attempt, stages.failed], null);
    case 'round-committed': {
      const advanced = advance([event.round, Infinity, stages.closed], null);
      const committed = event.round > known.committed;
      if (committed) known.committed = event.round;
      return advanced || committed;
    }
    case 'node-excluded':
      if (known.excluded || event.node !== node) return false;
      known.excluded = true;
      return true;
  }
}

/** @param node the one that looks at the session: whose exclusion matters */
export function createSessionReplica(node: string): SessionReplica {
  const listeners = new Set<() => void>();
  const known: Knowledge = {
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

  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const onChange = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  return {
    get status() {
      return known.status;
    },
    get reason() {
      return known.reason;
    },
    get committed() {
      return known.committed;
    },
    get open() {
      return known.open;
    },
    get answered() {
      return known.answered;
    },
    get excluded() {
      return known.excluded;
    },
    get version() {
      return version;
    },
    get view() {
      return view;
    },

    awaits(round) {
      const [number, , stage] = known.position;
      const closed = number === round && stage === stages.closed;
      return !hasEnded(known.status) && known.committed < round && !closed;
    },

    see(newView, asOf) {
      if (asOf !== version) return false;
      view = newView;
      const seen = knowledgeOf(newView, node);
      const same = compare(seen.position, known.position) === 0;
      Object.assign(known, seen, { answered: same && known.answered });
      tell();
      return true;
    },

    hear(event) {
      if (!take(known, event, node)) return;
      version++;
      tell();
    },

    markAnswered({ number, attempt }) {
      if (known.open?.number === number && known.open.attempt === attempt) known.answered = true;
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
