/**
 * One session: runs the effects of its rounds, and feeds back what comes of them. What takes its time runs in the
 * background; a failure in here stays in here.
 */
import type { Engine } from '../core/engine.js';
import { QuorateError } from '../errors.js';
import type { Evaluation } from '../protocol/views.js';
import { isOver } from '../rounds/control.js';
import { restore } from '../rounds/session.js';
import type { Announcement, Effect, SessionState } from '../rounds/state.js';
import type { Checkpoint, SessionEntry, SessionStore } from '../store/store.js';
import { digestOf } from '../report.js';
import { Aggregation, type Committed, type CurrentModel } from './aggregation.js';
import { Archive } from './archive.js';
import { type Command, requireAllowed } from './command.js';
import type { Clock, CoordinatorOptions, Model, StoredModel } from './coordinator.js';
import { Evaluations } from './evaluation.js';
import { type Happening, Machine } from './machine.js';
import { checkModel } from './model.js';
import type { Plan } from './policy.js';
import { RoundFile } from './roundFile.js';
import { Turns } from './turns.js';

/** What all sessions share. */
export interface Surroundings {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly evaluate: CoordinatorOptions['evaluate'];
  readonly onStep: CoordinatorOptions['onStep'];
  readonly announce: (body: Readonly<Record<string, unknown>>) => void;
  readonly record: (entry: SessionEntry) => Promise<void>;
  readonly onError: (error: unknown, context: Readonly<Record<string, unknown>>) => void;
}

/** What a session is made from: its journal entry, its configuration as it was checked, and what is stored of it. */
export interface SessionOrigin {
  readonly entry: SessionEntry;
  readonly plan: Plan;
  readonly store: SessionStore;
  /** The newest; null before there is a model. */
  readonly checkpoint: Checkpoint | null;
  /** Who takes part. */
  readonly nodes: readonly string[];
}

type EffectOf<Type extends Effect['type']> = Extract<Effect, { type: Type }>;

export class Session {
  readonly id: string;
  readonly plan: Plan;
  readonly createdAtMs: number;
  readonly store: SessionStore;
  readonly archive: Archive;
  private readonly surroundings: Surroundings;
  private readonly machine: Machine;
  private newest: CurrentModel | null = null;
  private place: RoundFile | null = null;
  private aggregation: Aggregation | null = null;
  private evaluations: Evaluations;
  /** Uploads that were refused since the last commit. */
  private refusals = 0;
  /** The status that is durable, or on its way there. */
  private recorded: { readonly status: SessionState['status']; readonly done: Promise<void> } | null;
  private cancelWake: (() => void) | null = null;
  private cancelEvaluations: (() => void) | null = null;
  private isClosing = false;
  private readonly turns = new Turns();
  private readonly background = new Set<Promise<void>>();

  constructor({ entry, plan, store, checkpoint, nodes }: SessionOrigin, surroundings: Surroundings) {
    this.id = entry.id;
    this.plan = plan;
    this.createdAtMs = entry.createdAtMs;
    this.store = store;
    this.surroundings = surroundings;
    this.archive = new Archive(store, checkpoint);
    this.recorded = { status: entry.status, done: Promise.resolve() };
    if (checkpoint) this.newest = currentModel(checkpoint);
    const committed = checkpoint?.round ?? 0;
    this.evaluations = new Evaluations(committed);
    const { status, reason } = entry;
    const state = restore(checkpoint?.state ?? null, { status, reason, committed, nodes });
    this.machine = new Machine(state, {
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

  /** The newest committed one; null before the initial one is set. */
  get model(): CurrentModel | null {
    return this.newest;
  }

  /** Of the round that collects or is being aggregated. */
  get file(): RoundFile | null {
    return this.place;
  }

  get entry(): SessionEntry {
    const { id, plan, createdAtMs, state } = this;
    return { id, config: plan.config, createdAtMs, status: state.status, reason: state.reason };
  }

  /** @throws QuorateError NO_MODEL */
  requireModel(): CurrentModel {
    if (this.newest) return this.newest;
    throw new QuorateError('NO_MODEL', `session ${this.id} has no model yet`, { session: this.id });
  }

  send(happening: Happening): Promise<readonly Effect[]> {
    return this.machine.send(happening);
  }

  /** After a restart: goes on with the round whose updates were found, as soon as its nodes are known. */
  async recover(): Promise<void> {
    const { status } = this.state;
    const found = status === 'running' || status === 'paused' ? await this.store.recoverRound() : null;
    if (found) {
      this.place = new RoundFile(() => Promise.resolve(found));
      await this.place.ready();
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
    void this.send({ type: 'tick' });
  }

  /** A node came or went. */
  presence(node: string, present: boolean): void {
    void this.send({ type: present ? 'node-present' : 'node-absent', node });
    this.concludeIfAnswered();
  }

  /** For the node's history. */
  refused(node: string, code: QuorateError['code']): void {
    this.refusals++;
    void this.send({ type: 'update-refused', node, code });
  }

  /** @throws QuorateError WRONG_STATE, NO_MODEL, STORE_FULL, STORE_FAILED */
  control(command: Command): Promise<void> {
    return this.turns.take('control', async () => {
      requireAllowed(command, this.state.status);
      if (command === 'start') this.requireModel();
      await this.send({ type: command });
      await this.journal();
    });
  }

  /** @throws QuorateError WRONG_STATE, whatever is wrong with the model, STORE_FULL, STORE_FAILED */
  setModel({ tensors, values }: Model): Promise<void> {
    return this.turns.take('control', async () => {
      requireAllowed('set-model', this.state.status);
      checkModel({ tensors, values });
      const checkpoint = {
        round: 0,
        createdAtMs: this.surroundings.clock.now(),
        tensors,
        model: values,
        optimizer: null,
        state: this.state,
        record: null,
      };
      await this.store.writeCheckpoint(checkpoint);
      this.newest = currentModel(checkpoint);
    });
  }

  /** @throws QuorateError NODE_EXCLUDED, ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE */
  evaluated(node: string, round: number, evaluation: Evaluation): void {
    if (this.state.nodes[node]?.excluded) {
      throw new QuorateError('NODE_EXCLUDED', `${node} is excluded from this session`, { node });
    }
    this.evaluations.add(node, round, evaluation);
    this.concludeIfAnswered();
  }

  /** The model of a round. @throws QuorateError NO_MODEL, UNKNOWN_ROUND, CORRUPT_FILE */
  async storedModel(round?: number): Promise<StoredModel> {
    const newest = this.requireModel();
    if (round === undefined || round === newest.round) return newest;
    return currentModel(await this.store.readCheckpoint(round));
  }

  /** An update, as it came. @throws QuorateError UNKNOWN_ROUND, UNKNOWN_UPDATE */
  async readUpdate(
    round: number,
    node: string,
  ): Promise<{ readonly digest: string | null; readonly bytes: AsyncIterable<Uint8Array> }> {
    const open = this.state.round;
    const isOpen = (open.phase === 'collecting' || open.phase === 'aggregating') && open.number === round;
    if (!isOpen || !this.place) {
      const { update, bytes } = await this.store.readUpdate(round, node);
      return { digest: update.digest, bytes };
    }
    if (!Object.hasOwn(open.accepted, node)) {
      throw new QuorateError('UNKNOWN_UPDATE', `round ${round} has no update of ${node}`, { round, node });
    }
    const { digest } = open.accepted[node];
    return { digest, bytes: (await this.place.ready()).read(node) };
  }

  /** Begins nothing any more, and waits for what is being written. What was acknowledged stays. */
  async close(): Promise<void> {
    this.isClosing = true;
    this.cancelWake?.();
    this.cancelEvaluations?.();
    this.aggregation?.abort();
    await this.turns.idle();
    while (this.background.size > 0) await Promise.all(this.background);
    await this.place?.close();
  }

  private run(effect: Effect, atMs: number): void {
    switch (effect.type) {
      case 'open-round':
        this.openRound(effect, atMs);
        return;
      case 'aggregate':
        this.aggregate(effect);
        return;
      case 'discard-round':
        this.discardRound();
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
    const d = this.requireModel().values.length;
    const place = new RoundFile(() => this.store.openRound({ round, attempt, d, asked, openedAtMs }));
    this.place = place;
    this.inBackground(place.ready().then(() => undefined));
  }

  private aggregate({ updates }: EffectOf<'aggregate'>): void {
    const { round } = this.state;
    const file = this.place;
    if (this.isClosing || round.phase !== 'aggregating' || !file) return;
    const { engine, clock, evaluate } = this.surroundings;
    const { number, attempt, openedAtMs, asked } = round;
    const aggregation = new Aggregation({
      plan: this.plan,
      engine,
      clock,
      store: this.store,
      file,
      before: this.requireModel(),
      facts: { round: number, attempt, openedAtMs, asked },
      updates,
      evaluate: evaluate && ((model) => evaluate(model, this.id)),
      refusedSoFar: () => this.refusals,
      series: (point) => this.archive.seriesWith(point),
      stateAfter: (findings) => {
        this.conclude();
        return this.machine.foretell({ type: 'committed', ...findings });
      },
      onError: (error) => this.report(error),
    });
    this.aggregation = aggregation;
    this.inBackground(
      aggregation.outcome.then(
        (committed) => this.commit(committed, file),
        (error: unknown) => this.fail(aggregation, file, error),
      ),
    );
  }

  private async commit(
    { round, judgements, metrics, model, record }: Committed,
    file: RoundFile,
  ): Promise<void> {
    this.aggregation = null;
    this.place = null; // uploads that are still under way are too late
    this.refusals = 0;
    this.newest = model;
    this.archive.add(round, record);
    this.evaluations = new Evaluations(round);
    await this.send({ type: 'committed', round, judgements, metrics });
    this.concludeInTime();
    await file.close();
  }

  private async fail(aggregation: Aggregation, file: RoundFile, error: unknown): Promise<void> {
    this.aggregation = null;
    // Where the session goes on after a restart, this is done again then.
    if (aggregation.isGivenUp && this.isClosing && !isOver(this.state.status)) return;
    const { round } = aggregation;
    const known = error instanceof QuorateError;
    const message = known ? error.message : 'the aggregation failed for a reason of its own';
    if (!aggregation.isGivenUp) this.report(error);
    await this.send({ type: 'aggregation-failed', round, code: known ? error.code : 'INTERNAL', message });
    if (aggregation.isGivenUp) await this.discard(file);
  }

  private discardRound(): void {
    if (this.aggregation) this.aggregation.abort();
    else if (this.place) this.inBackground(this.discard(this.place));
  }

  private async discard(file: RoundFile): Promise<void> {
    if (this.place === file) this.place = null;
    await file.discard();
  }

  private wake(atMs: number | null): void {
    this.cancelWake?.();
    this.cancelWake = null;
    if (atMs === null || this.isClosing) return;
    this.cancelWake = this.surroundings.clock.at(atMs, () => void this.send({ type: 'tick' }));
  }

  private announce(event: Announcement): void {
    if (event.type === 'session-status') this.inBackground(this.journal());
    if (event.type === 'round-evaluated') this.archive.measured(event.round, event.metrics);
    this.surroundings.announce({ ...event, session: this.id });
  }

  /** Makes the status durable, once. @throws QuorateError STORE_FULL, STORE_FAILED */
  private async journal(): Promise<void> {
    const { status } = this.state;
    if (this.recorded?.status !== status) {
      this.recorded = { status, done: this.surroundings.record(this.entry) };
    }
    const { recorded } = this;
    try {
      await recorded.done;
    } catch (error) {
      if (this.recorded === recorded) this.recorded = null; // the next who asks tries again
      throw error;
    }
  }

  /** The newest model's evaluation is complete when all who are there have answered. */
  private concludeIfAnswered(): void {
    const { nodes } = this.state;
    const there = Object.keys(nodes).filter((node) => nodes[node].present && !nodes[node].excluded);
    if (this.evaluations.hasAll(there)) this.conclude();
  }

  /** After the last round no other one ends the evaluation. */
  private concludeInTime(): void {
    const { clock } = this.surroundings;
    if (this.state.round.phase !== 'idle' || this.isClosing) return;
    this.cancelEvaluations = clock.at(clock.now() + this.plan.policy.deadlineMs, () => this.conclude());
  }

  private conclude(): void {
    const { evaluations } = this;
    if (!evaluations.close()) return;
    const metrics = evaluations.summary(this.plan.recipe.examplesUpTo);
    void this.send({ type: 'evaluated', round: evaluations.round, metrics });
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

const currentModel = ({ round, tensors, model, optimizer }: Checkpoint): CurrentModel => ({
  round,
  tensors,
  values: model,
  digest: digestOf(model),
  optimizer,
});
