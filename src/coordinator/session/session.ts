/**
 * One session: runs the effects of its rounds, and sends what comes of them back as events. Work that takes its time
 * runs in the background; a failure in a session stays in it.
 */
import type { Clock } from '../../core/clock.js';
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
  EventLog,
  JournalRecord,
  SessionEntry,
  SessionStore,
  StoredEvaluations,
} from '../../store/store.js';
import { unannounced } from './announcements.js';
import { Archive } from './archive.js';
import { BackgroundWork } from './backgroundWork.js';
import { CurrentRound } from './currentRound.js';
import { EvaluationRound } from './evaluationRound.js';
import { EventQueue, type UntimedEvent } from './eventQueue.js';
import { type Model, Models, type StoredModel } from './models.js';
import { type RoundHandle, type StoredUpdate, storedUpdate } from './roundHandle.js';
import type { SessionPlan } from './sessionPlan.js';
import { type Command, requireAllowed, StatusRecord } from './sessionStatus.js';

/**
 * Measures a model before it is committed: metrics by name, those that are finite. If it throws, the error is reported,
 * and the round is committed without them.
 */
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
  /** What was announced so far. */
  readonly events: Pick<EventLog, 'first' | 'last' | 'since'>;
  /** Durable when it resolves. */
  readonly record: (record: JournalRecord) => Promise<void>;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** What a session is made from: its journal entry, its checked configuration, and what is stored of it. */
export interface SessionOrigin {
  readonly entry: SessionEntry;
  /** The journal's. */
  readonly recordedStatus: SessionEntry['status'];
  readonly plan: SessionPlan;
  readonly store: SessionStore;
  /** The newest; null before there is a model. */
  readonly checkpoint: Checkpoint | null;
  /** Stored evaluations of the newest model; null: none. */
  readonly evaluations: StoredEvaluations | null;
  /** Who takes part. */
  readonly nodes: readonly string[];
}

export class Session {
  readonly id: string;
  readonly plan: SessionPlan;
  readonly store: SessionStore;
  readonly archive: Archive;
  readonly models: Models;
  private readonly origin: SessionEntry;
  private readonly surroundings: SessionDependencies;
  private readonly rounds: EventQueue;
  private readonly round: CurrentRound;
  private readonly evaluations: EvaluationRound;
  private readonly status: StatusRecord;
  private readonly background = new BackgroundWork((error) => this.report(error));
  private readonly turns = new KeyedMutex();
  /** Announcements that a crash prevented, to be made up for. */
  private readonly missed: readonly Announcement[];
  /** When the newest checkpoint was written, before this process began; by the wall clock. */
  private readonly committedAtMs: number;
  private cancelWake: (() => void) | null = null;
  private isClosing = false;

  constructor(origin: SessionOrigin, surroundings: SessionDependencies) {
    const { entry, recordedStatus, plan, store, checkpoint, nodes } = origin;
    const { engine, clock, evaluate, events, record, onStep } = surroundings;
    const { id, status, reason } = entry;
    const committed = checkpoint?.round ?? 0;
    const common = {
      clock,
      events,
      background: this.background,
      send: (happening: UntimedEvent) => this.send(happening),
      onError: (error: unknown) => this.report(error),
    };
    this.id = id;
    this.plan = plan;
    this.origin = entry;
    this.store = store;
    this.surroundings = surroundings;
    this.committedAtMs = checkpoint?.createdAtMs ?? 0;
    this.archive = new Archive(store, checkpoint);
    this.models = new Models(id, store, checkpoint);
    this.status = new StatusRecord(recordedStatus, (session) => record({ type: 'session', session }));
    this.evaluations = new EvaluationRound(committed, origin.evaluations, {
      ...common,
      session: id,
      deadlineMs: plan.policy.deadlineMs,
      quorum: plan.policy.quorum,
      examplesUpTo: plan.recipe.examplesUpTo,
      nodes: () => eligible(this.state),
      record,
    });
    this.round = new CurrentRound({
      ...common,
      plan,
      engine,
      evaluate: evaluate && ((model) => evaluate(model, id)),
      store,
      models: this.models,
      archive: this.archive,
      evaluations: this.evaluations,
    });
    let state = restore(checkpoint?.state ?? null, { status, reason, committed, nodes });
    const { recovered, unconfirmed } = this.evaluations;
    if (recovered) {
      state = measured(plan.policy, state, committed, recovered);
      this.archive.measured(committed, recovered);
    }
    this.missed = [checkpoint, unconfirmed].flatMap((made) => (made ? unannounced(events, id, made) : []));
    this.rounds = new EventQueue(state, {
      policy: plan.policy,
      clock,
      onEffect: (effect, atMs) => this.run(effect, atMs),
      onStep: (event, after) => onStep?.(id, event, after),
      onError: common.onError,
    });
  }

  get createdAtMs(): number {
    return this.origin.createdAtMs;
  }

  get state(): SessionState {
    return this.rounds.state;
  }

  /** The updates of the round that is under way. */
  get file(): RoundHandle | null {
    return this.round.file;
  }

  /** For the journal. */
  get entry(): SessionEntry {
    const { status, reason } = this.state;
    return { ...this.origin, config: this.plan.config, status, reason };
  }

  /** The wall clock's time of a moment in the session's state, in milliseconds since 1970. */
  toWall(atMs: number): number {
    return Math.round(this.surroundings.clock.toWall(atMs));
  }

  send(happening: UntimedEvent): Promise<readonly Effect[]> {
    return this.rounds.send(happening);
  }

  /** After a restart: continues with the round whose updates were found, as soon as its nodes are known. */
  async recover(): Promise<void> {
    const { status } = this.state;
    this.background.run(this.status.write(this.entry));
    for (const event of this.missed) {
      // A session that was stopped while its last round was being committed has announced its end.
      if (event.type !== 'session-status' || event.status === status) this.announce(event);
    }
    const isUnderWay = status === 'running' || status === 'paused';
    const found = isUnderWay ? await this.store.recoverRound(this.models.newest?.values.length) : null;
    if (found) {
      const elapsedMs = await this.round.recover(found);
      const { header, sealed, updates } = found;
      const { round, attempt, asked, durationMs } = header;
      const file = { round, attempt, asked, durationMs, elapsedMs };
      void this.send({ type: 'recovered', ...file, sealed, updates });
    }
    if (isOver(status)) this.evaluations.endInTime(this.sinceCommitMs());
    void this.send({ type: 'tick' });
  }

  /** A node came or went. */
  presence(node: string, present: boolean): void {
    void this.send({ type: present ? 'node-present' : 'node-absent', node });
    this.background.run(this.evaluations.concludeIfAnswered());
  }

  /** For the node's history. */
  refused(node: string, code: QuorateError['code']): void {
    this.archive.refused();
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

  /** @throws QuorateError WRONG_STATE, what Models.begin throws */
  setModel(model: Model, condition?: (current: StoredModel | null) => void | Promise<void>): Promise<void> {
    return this.turns.run('control', async () => {
      requireAllowed('set-model', this.state.status);
      await condition?.(this.models.newest);
      await this.models.begin(model, this.state, this.toWall(this.surroundings.clock.now()));
    });
  }

  /** @throws QuorateError NODE_EXCLUDED, ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE, STORE_FULL, STORE_FAILED */
  async evaluated(node: string, round: number, evaluation: Evaluation): Promise<void> {
    if (this.state.nodes[node]?.excluded) {
      throw new QuorateError('NODE_EXCLUDED', `${node} is excluded from this session`, { node });
    }
    await this.evaluations.add(node, round, evaluation);
  }

  /** @throws QuorateError UNKNOWN_ROUND, UNKNOWN_UPDATE, CORRUPT_FILE */
  readUpdate(round: number, node: string): Promise<StoredUpdate> {
    return storedUpdate({ store: this.store, open: this.state.round, file: this.file }, round, node);
  }

  /** Begins nothing more, and cancels what can be done again after a restart. */
  beginClosing(): void {
    this.isClosing = true;
    this.cancelWake?.();
    this.evaluations.close();
    this.round.cancel();
  }

  /** Waits for what is being written. Acknowledged updates stay. */
  async close(): Promise<void> {
    await this.turns.idle();
    await this.background.idle();
    await this.round.close();
  }

  private run(effect: Effect, atMs: number): void {
    switch (effect.type) {
      case 'open-round':
        if (!this.isClosing) this.round.open(effect, atMs);
        return;
      case 'aggregate':
        if (!this.isClosing) this.round.aggregate(effect);
        return;
      case 'write-checkpoint':
        this.round.commit(effect);
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
        this.archive.refused();
        return;
      case 'accept': // answered by the upload that sent the event
    }
  }

  private wake(atMs: number | null): void {
    this.cancelWake?.();
    this.cancelWake = null;
    if (atMs === null || this.isClosing) return;
    this.cancelWake = this.surroundings.clock.at(atMs, () => void this.send({ type: 'tick' }));
  }

  private announce(event: Announcement): void {
    if (event.type === 'session-status') this.background.run(this.status.write(this.entry));
    if (event.type === 'round-evaluated') this.archive.measured(event.round, event.metrics);
    const times = event.type === 'round-opened' ? { deadlineAtMs: this.toWall(event.deadlineAtMs) } : {};
    this.surroundings.announce({ ...event, ...times, session: this.id });
    const isLast = event.type === 'round-committed' && isOver(this.state.status);
    if (isLast && !this.isClosing) this.evaluations.endInTime();
  }

  /** By the wall clock, for after a restart. */
  private sinceCommitMs(): number {
    const { clock } = this.surroundings;
    return Math.max(0, this.toWall(clock.now()) - this.committedAtMs);
  }

  private report(error: unknown): void {
    this.surroundings.onError(error, { session: this.id });
  }
}
