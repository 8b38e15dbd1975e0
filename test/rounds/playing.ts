/** Plays a session for the tests: events in, what came of them out. Whatever `step` is given is frozen. */
import { begin, step } from '../../src/rounds/machine.js';
import type { Policy } from '../../src/rounds/policy.js';
import type { Announcement, Effect, Judgment, SessionEvent, SessionState } from '../../src/rounds/state.js';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** An event without its time. */
export type Happening = DistributiveOmit<SessionEvent, 'atMs'>;

/** Three rounds for three nodes: quorum 2, a minute, all are asked, at once again after a second. */
export function policyWith(changes: Partial<Policy> = {}): Policy {
  return {
    rounds: 3,
    quorum: 2,
    targetUpdates: null,
    deadlineMs: 60_000,
    adaptiveDeadline: null,
    selection: { kind: 'all' },
    mode: { kind: 'sync' },
    retry: { firstMs: 1000, maxMs: 60_000, attempts: null },
    stopWhen: null,
    exclude: null,
    ...changes,
  };
}

export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

export class Play {
  readonly policy: Policy;
  state: SessionState;
  /** Of the newest event. */
  effects: readonly Effect[] = [];
  readonly all: Effect[] = [];
  atMs = 0;

  constructor(changes: Partial<Policy> = {}, state: SessionState = begin()) {
    this.policy = frozen(policyWith(changes));
    this.state = frozen(state);
  }

  /** A session that runs, with these nodes there; round 1 is open where they are a quorum. */
  static running(changes: Partial<Policy>, ...nodes: readonly string[]): Play {
    return new Play(changes).come(...nodes).send({ type: 'start' });
  }

  at(atMs: number): this {
    this.atMs = atMs;
    return this;
  }

  send(happening: Happening): this {
    const event = frozen({ ...happening, atMs: this.atMs });
    const { state, effects } = step(this.policy, this.state, event);
    this.state = frozen(state);
    this.effects = frozen(effects);
    this.all.push(...effects);
    return this;
  }

  come(...nodes: readonly string[]): this {
    for (const node of nodes) this.send({ type: 'node-present', node });
    return this;
  }

  go(...nodes: readonly string[]): this {
    for (const node of nodes) this.send({ type: 'node-absent', node });
    return this;
  }

  tick(atMs: number): this {
    return this.at(atMs).send({ type: 'tick' });
  }

  /** Updates for the round that is open, or for `round`. */
  updates(nodes: string, round = this.number, digest = 'aa'): this {
    for (const node of nodes) {
      const update = { node, digest, numExamples: 10, metrics: {} };
      const attempt = { number: this.number, attempt: this.attempt };
      this.send({ type: 'update-stored', round, attempt, update });
    }
    return this;
  }

  aggregate(
    suspicions: Readonly<Record<string, number | null>> = {},
    metrics: Record<string, number> = {},
  ): this {
    const judgments = Object.entries(suspicions).map(([node, suspicion]): Judgment => ({
      node,
      used: true,
      suspicion,
    }));
    return this.send({ type: 'aggregated', round: this.number, judgments, metrics });
  }

  /** Aggregates the round, unless it is being committed already, and commits it. */
  commit(...given: Parameters<Play['aggregate']>): this {
    if (this.phase !== 'committing') this.aggregate(...given);
    return this.send({ type: 'committed', round: this.number });
  }

  failAggregation(): this {
    return this.send({
      type: 'aggregation-failed',
      round: this.number,
      code: 'NON_FINITE_RESULT',
      message: 'too large',
    });
  }

  get phase(): SessionState['round']['phase'] {
    return this.state.round.phase;
  }

  get number(): number {
    return this.state.round.phase === 'idle' ? 0 : this.state.round.number;
  }

  get attempt(): number {
    return this.state.round.phase === 'idle' ? 0 : this.state.round.attempt;
  }

  get asked(): readonly string[] | null | undefined {
    return this.state.round.phase === 'collecting' ? this.state.round.asked : undefined;
  }

  get deadlineAtMs(): number | undefined {
    return this.state.round.phase === 'collecting' ? this.state.round.deadlineAtMs : undefined;
  }

  /** Of the newest event. */
  effectsOf<T extends Effect['type']>(type: T): Extract<Effect, { type: T }>[] {
    return this.effects.filter((effect) => effect.type === type) as Extract<Effect, { type: T }>[];
  }

  /** Of the newest event. */
  announcements(): Announcement[] {
    return this.effectsOf('announce').map(({ event }) => event);
  }

  /** The nodes of the newest event's aggregate effect. */
  aggregated(): string[] | null {
    const [effect] = this.effectsOf('aggregate');
    return effect === undefined ? null : effect.updates.map(({ node }) => node);
  }
}
