/**
 * One session: runs the effects of its rounds, and feeds back what comes of them. What takes its time runs in the
 * background; a failure in here stays in here.
 */
import type { Engine } from '../../core/engine.js';
import { KeyedMutex } from '../../core/keyedMutex.js';
import { QuorateError } from '../../errors.js';
import type { Evaluation } from '../../protocol/views.js';
import {
  type Announcement,
  type Effect,
  eligible,
  isOver,
  measured,
  restore,
  type SessionEvent,
  type SessionState,
} from '../../rounds/machine.js';
import type {
  Checkpoint,
  JournalRecord,
  SessionEntry,
  SessionStore,
  StoredEvaluations,
} from '../../store/store.js';
import type { Clock } from '../../core/clock.js';
import { Archive } from './archive.js';
import { CurrentRound, type AggregationContext } from './currentRound.js';
import { EvaluationRound } from './evaluationRound.js';
import { type UntimedEvent, EventQueue } from './eventQueue.js';
import { type Model, Models, type StoredModel } from './models.js';
import type { Committed } from './roundAggregation.js';
import { type RoundHandle, type StoredUpdate, storedUpdate } from './roundHandle.js';
import type { SessionPlan } from './sessionPlan.js';
import { type Command, requireAllowed, StatusRecord } from './sessionStatus.js';
import type { Untold } from './untold.js';

/** Measures a committed model, before it is announced. */
export type EvaluateModel = (
  model: StoredModel,
  session: string,
) => Promise<Readonly<Record<string, number>>>;

/** Called with each event of a session's rounds, and the state after it. */
export type OnStep = (session: string, event: SessionEvent, state: SessionState) => void;

/** What all sessions share. */
export interface SessionDependencies {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly evaluate: EvaluateModel | undefined;
  readonly onStep: OnStep | undefined;
  readonly announce: (body: Readonly<Record<string, unknown>>) => void;
  /** Durable when it resolves. */
  readonly record: (record: JournalRecord) => Promise<void>;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** What a session is made from: its journal entry, its configuration as it was checked, and what is stored of it. */
export interface SessionOrigin {
  readonly entry: SessionEntry;
  /** The journal's. */
  readonly recordedStatus: SessionEntry['status'];
  readonly plan: SessionPlan;
  readonly store: SessionStore;
  /** The newest; null before there is a model. */
  readonly checkpoint: Checkpoint | null;
  /** Those of the newest model that are stored; null: none. */
  readonly evaluations: StoredEvaluations | null;
  /** Who takes part. */
  readonly nodes: readonly string[];
}

type EffectOf<Type extends Effect['type']> = Extract<Effect, { type: Type }>;

export class Session {
  readonly id: string;
  readonly plan: SessionPlan;
  readonly createdAtMs: number;
  readonly store: SessionStore;
  readonly archive: Archive;
  readonly models: Models;
  private readonly surroundings: SessionDependencies;
  private readonly machine: EventQueue;
  private readonly round: CurrentRound;
  private readonly measuring: EvaluationRound;
  /** Uploads that were refused since the last commit. */
  private refusals = 0;
  private readonly status: StatusRecord;
  private cancelWake: (() => void) | null = null;
  private isClosing = false;
  private readonly turns = new KeyedMutex();
  private readonly background = new Set<Promise<void>>();

  constructor(origin: SessionOrigin, surroundings: SessionDependencies) {
    const { entry, recordedStatus, plan, store, checkpoint, evaluations, nodes } = origin;
    this.id = entry.id;
    this.plan = plan;
    this.createdAtMs = entry.createdAtMs;
    this.store = store;
    this.surroundings = surroundings;
    this.archive = new Archive(store, checkpoint);
    this.models = new Models(entry.id, store, checkpoint);
    this.status = new StatusRecord(recordedStatus, (session) =>
      surroundings.record({ type: 'session', session }),
    );
    const committed = checkpoint?.round ?? 0;
    this.measuring = new EvaluationRound(committed, evaluations, {
      session: entry.id,
      clock: surroundings.clock,
      deadlineMs: plan.policy.deadlineMs,
      quorum: plan.policy.quorum,
      examplesUpTo: plan.recipe.examplesUpTo,
      nodes: () => eligible(this.state),
      record: surroundings.record,
      tell: (round, metrics) => void this.send({ type: 'evaluated', round, metrics }),
      inBackground: (work) => this.inBackground(work),
    });
    this.round = new CurrentRound({
      recipe: () => this.recipe(),
      inBackground: (work) => this.inBackground(work),
      onCommitted: (committed) => this.committed(committed),
      onFailed: (round, error, isGivenUp) => this.failed(round, error, isGivenUp),
      isLeftForRestart: () => this.isClosing && !isOver(this.state.status),
    });
    const { status, reason } = entry;
    const state = restore(checkpoint?.state ?? null, { status, reason, committed, nodes });
    const { recovered } = this.measuring;
    if (recovered) this.archive.measured(committed, recovered);
    this.machine = new EventQueue(recovered ? measured(plan.policy, state, committed, recovered) : state, {
      policy: plan.policy,
      clock: surroundings.clock,
      onEffect: (effect, atMs) => this.run(effect, atMs),
      onStep: (event, after) => surroundings.onStep?.(this.id, event, after),
      onError: (error) => this.report(error),
    });
  }

  get state(): SessionState {
    return this.machine.state;
  }

  /** Of the round that collects or is being aggregated. */
  get file(): RoundHandle | null {
    return this.round.file;
  }

  get entry(): SessionEntry {
    const { id, plan, createdAtMs, state } = this;
    return { id, config: plan.config, createdAtMs, status: state.status, reason: state.reason };
  }

  send(happening: UntimedEvent): Promise<readonly Effect[]> {
    return this.machine.send(happening);
  }

  /** After a restart: goes on with the round whose updates were found, as soon as its nodes are known. */
  async recover(missed: Untold): Promise<void> {
    const { status } = this.state;
    this.inBackground(this.status.write(this.entry));
    await this.tell(missed);
    const found =
      status === 'running' || status === 'paused'
        ? await this.store.recoverRound(this.models.newest?.values.length)
        : null;
    if (found) {
      await this.round.recover(found);
      const { round, attempt, asked } = found.header;
      void this.send({
        type: 'recovered',
        round,
        attempt,
        asked,
        sealed: found.sealed,
        updates: found.updates,
      });
    }
    if (isOver(status)) this.measuring.endInTime();
    void this.send({ type: 'tick' });
  }

  /** A node came or went. */
  presence(node: string, present: boolean): void {
    void this.send({ type: present ? 'node-present' : 'node-absent', node });
    this.inBackground(this.measuring.concludeIfAnswered());
  }

  /** For the node's history. */
  refused(node: string, code: QuorateError['code']): void {
    this.refusals++;
    void this.send({ type: 'update-refused', node, code });
  }

  /** @throws QuorateError WRONG_STATE, NO_MODEL, STORE_FULL, STORE_FAILED */
  control(command: Command): Promise<void> {
    return this.turns.run('control', async () => {
      requireAllowed(command, this.state.status);
      if (command === 'start') this.models.require();
      await this.send({ type: command });
      await this.status.write(this.entry);
    });
  }

  /** @throws QuorateError WRONG_STATE, whatever is wrong with the model, STORE_FULL, STORE_FAILED */
  setModel(model: Model): Promise<void> {
    return this.turns.run('control', async () => {
      requireAllowed('set-model', this.state.status);
      await this.models.begin(model, this.state, this.surroundings.clock.now());
    });
  }

  /** @throws QuorateError NODE_EXCLUDED, ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE, STORE_FULL, STORE_FAILED */
  async evaluated(node: string, round: number, evaluation: Evaluation): Promise<void> {
    if (this.state.nodes[node]?.excluded) {
      throw new QuorateError('NODE_EXCLUDED', `${node} is excluded from this session`, { node });
    }
    await this.measuring.add(node, round, evaluation);
  }

  /** @throws QuorateError UNKNOWN_ROUND, UNKNOWN_UPDATE, CORRUPT_FILE */
  readUpdate(round: number, node: string): Promise<StoredUpdate> {
    return storedUpdate({ store: this.store, open: this.state.round, file: this.file }, round, node);
  }

  /** Begins nothing any more, and gives up what can be done again after a restart. */
  beginClosing(): void {
    this.isClosing = true;
    this.cancelWake?.();
    this.measuring.close();
    this.round.abort();
  }

  /** Waits for what is being written. What was acknowledged stays. */
  async close(): Promise<void> {
    await this.turns.idle();
    while (this.background.size > 0) await Promise.all(this.background);
    await this.round.close();
  }

  /** What only the store heard of before the restart. */
  private async tell({ committed, evaluated }: Untold): Promise<void> {
    const { committed: round, nodes } = this.state;
    const { recovered } = this.measuring;
    if (committed) {
      const { series } = await this.archive.record(round);
      this.announce({ type: 'round-committed', round, metrics: series.at(-1)!.metrics });
      const excluded = Object.keys(nodes).filter(
        (node) => nodes[node]!.excluded && nodes[node]!.lastRound === round,
      );
      for (const node of excluded.sort()) this.announce({ type: 'node-excluded', node, round });
    }
    if (evaluated && recovered) this.announce({ type: 'round-evaluated', round, metrics: recovered });
  }

  private run(effect: Effect, atMs: number): void {
    switch (effect.type) {
      case 'open-round':
        this.openRound(effect, atMs);
        return;
      case 'aggregate':
        if (!this.isClosing && this.state.round.phase === 'aggregating') {
          this.round.aggregate(this.state.round, effect.updates);
        }
        return;
      case 'discard-round':
        this.round.discard();
        return;
      case 'wake':
        this.wake(effect.atMs);
        return;
      case 'announce':
        this.announce(effect.event);
        return;
      case 'refuse':
        this.refusals++;
        return;
      case 'accept': // whoever sent the update answers
    }
  }

  private openRound({ round, attempt, asked }: EffectOf<'open-round'>, openedAtMs: number): void {
    if (this.isClosing) return;
    const d = this.models.require().values.length;
    this.round.open(() => this.store.openRound({ round, attempt, d, asked, openedAtMs }));
  }

  private recipe(): AggregationContext {
    const { engine, clock } = this.surroundings;
    return {
      plan: this.plan,
      engine,
      clock,
      store: this.store,
      before: this.models.require(),
      evaluate: (model) => this.measure(model),
      refusedSoFar: () => this.refusals,
      series: (point) => this.archive.seriesWith(point),
      stateAfter: (findings) => this.machine.preview({ type: 'committed', ...findings }),
      onError: (error) => this.report(error),
    };
  }

  /** The next model; what nodes found of the one before is told by then, and in the checkpoint. */
  private async measure(model: StoredModel): Promise<Readonly<Record<string, number>>> {
    try {
      return (await this.surroundings.evaluate?.(model, this.id)) ?? {};
    } finally {
      await this.measuring.conclude();
    }
  }

  private async committed({ round, judgments, metrics, model, record }: Committed): Promise<void> {
    this.refusals = 0;
    this.models.committed(model);
    this.archive.add(round, record);
    this.measuring.begin(round);
    await this.send({ type: 'committed', round, judgments, metrics });
    if (this.state.round.phase === 'idle' && !this.isClosing) this.measuring.endInTime();
  }

  private async failed(round: number, error: unknown, isGivenUp: boolean): Promise<void> {
    const known = error instanceof QuorateError;
    const message = known ? error.message : 'the aggregation failed for a reason of its own';
    if (!isGivenUp) this.report(error);
    await this.send({ type: 'aggregation-failed', round, code: known ? error.code : 'INTERNAL', message });
  }

  private wake(atMs: number | null): void {
    this.cancelWake?.();
    this.cancelWake = null;
    if (atMs === null || this.isClosing) return;
    this.cancelWake = this.surroundings.clock.at(atMs, () => void this.send({ type: 'tick' }));
  }

  private announce(event: Announcement): void {
    if (event.type === 'session-status') this.inBackground(this.status.write(this.entry));
    if (event.type === 'round-evaluated') this.archive.measured(event.round, event.metrics);
    this.surroundings.announce({ ...event, session: this.id });
  }

  private inBackground(work: Promise<void>): void {
    const reported = work
      .catch((error: unknown) => this.report(error))
      .finally(() => this.background.delete(reported));
    this.background.add(reported);
  }

  private report(error: unknown): void {
    this.surroundings.onError(error, { session: this.id });
  }
}
