/**
 * Runs the effects of the round that is under way, and sends what comes of them back as events:
 *
 *   open-round         its file                     updates come in (../ingest/)
 *   aggregate          roundAggregation.ts          aggregated │ aggregation-failed
 *   write-checkpoint   roundRecord.ts, the store    committed │ aggregation-failed
 *   discard-round      cancels the work, or removes the file
 *
 * Failures that may pass are waited for, with the same updates, which were acknowledged. When the process closes, the
 * work is left as it is: what was sealed is aggregated again after the restart.
 */
import type { Clock } from '../../core/clock.js';
import type { Engine } from '../../core/engine.js';
import { QuorateError } from '../../errors.js';
import type { AttemptId, Effect } from '../../rounds/machine.js';
import type { EventLog, RoundStore, SessionStore, TimeMark } from '../../store/store.js';
import type { Archive } from './archive.js';
import { type BackgroundWork, untilItPasses } from './backgroundWork.js';
import type { EvaluationRound } from './evaluationRound.js';
import type { UntimedEvent } from './eventQueue.js';
import type { Models, StoredModel } from './models.js';
import { aggregateRound } from './roundAggregation.js';
import { RoundHandle } from './roundHandle.js';
import { pointOf, recordOf, type AggregatedRound } from './roundRecord.js';
import type { SessionPlan } from './sessionPlan.js';

export interface CurrentRoundOptions {
  readonly plan: SessionPlan;
  readonly engine: Engine;
  readonly clock: Clock;
  /** Measures a model before it is committed. */
  readonly evaluate: ((model: StoredModel) => Promise<Readonly<Record<string, number>>>) | undefined;
  readonly store: SessionStore;
  readonly models: Models;
  readonly archive: Archive;
  readonly evaluations: EvaluationRound;
  readonly events: Pick<EventLog, 'last'>;
  readonly background: BackgroundWork;
  readonly send: (happening: UntimedEvent) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

type EffectOf<Type extends Effect['type']> = Extract<Effect, { type: Type }>;

/** A round from its closing to its commit. */
interface Work {
  readonly round: number;
  readonly file: RoundHandle;
  readonly cancel: AbortController;
  /** Whether it was canceled for good, so that its updates are of no more use. */
  isDiscarded: boolean;
  result: AggregatedRound | null;
}

export class CurrentRound {
  private readonly options: CurrentRoundOptions;
  private handle: RoundHandle | null = null;
  private work: Work | null = null;

  constructor(options: CurrentRoundOptions) {
    this.options = options;
  }

  /** The updates of the round that is under way; null: there is none, or its commit is durable. */
  get file(): RoundHandle | null {
    return this.handle;
  }

  open({ round, attempt, asked, deadlineAtMs }: EffectOf<'open-round'>, openedAtMs: number): void {
    const { models, store, background, clock } = this.options;
    const d = models.require().values.length;
    this.handle = new RoundHandle({ number: round, attempt }, () =>
      store.openRound(
        {
          round,
          attempt,
          d,
          asked,
          openedAtMs: clock.toWall(openedAtMs),
          durationMs: deadlineAtMs - openedAtMs,
        },
        timeSince(openedAtMs, clock),
      ),
    );
    background.run(this.handle.ready().then(() => undefined));
  }

  /**
   * Continues with a file that was found after a restart.
   *
   * @returns how long the round had been open
   */
  async recover(found: RoundStore): Promise<number> {
    const { clock, onError } = this.options;
    const attempt: AttemptId = { number: found.header.round, attempt: found.header.attempt };
    this.handle = new RoundHandle(attempt, () => Promise.resolve(found));
    await this.handle.ready();
    const elapsedMs = elapsedUntilNow(found, clock);
    // Restarts in a row count: what one restart made durable, the next one doesn't wait for again.
    await found.keepTime(timeSince(clock.now() - elapsedMs, clock)).catch(onError);
    return elapsedMs;
  }

  aggregate(effect: EffectOf<'aggregate'>): void {
    const { handle: file } = this;
    if (!file) return;
    const work = {
      round: effect.round,
      file,
      cancel: new AbortController(),
      isDiscarded: false,
      result: null,
    };
    this.work = work;
    this.options.background.run(this.orFail(work, () => this.untilAggregated(work, effect)));
  }

  commit(effect: EffectOf<'write-checkpoint'>): void {
    const { work } = this;
    if (!work?.result) return;
    this.options.background.run(this.untilCommitted(work, work.result, effect));
  }

  discard(): void {
    const { work, handle } = this;
    if (work) {
      work.isDiscarded = true;
      this.cancel();
    } else if (handle) this.options.background.run(this.discardFile(handle));
  }

  /** Cancels the work, up to the writing of the checkpoint; the round is committed if that succeeds nonetheless. */
  cancel(): void {
    this.work?.cancel.abort(new QuorateError('ABORTED', 'the aggregation was canceled'));
  }

  /** Nothing more is written; acknowledged updates stay. */
  async close(): Promise<void> {
    await this.handle?.close();
  }

  private async untilAggregated(work: Work, round: EffectOf<'aggregate'>): Promise<void> {
    const { plan, engine, models, evaluate, evaluations, onError, send } = this.options;
    const { signal } = work.cancel;
    const { file } = work;
    const before = models.require();
    const { recipe } = plan;
    const result = await untilItPasses(
      () => aggregateRound({ round, file, recipe, before, engine, evaluate, signal, onError }),
      this.patience(work),
    );
    // What nodes found of the model before this one is announced by then, and in the checkpoint.
    await evaluations.conclude();
    signal.throwIfAborted();
    work.result = result;
    await send({
      type: 'aggregated',
      round: work.round,
      judgments: result.judgments,
      metrics: result.metrics,
    });
  }

  private async untilCommitted(
    work: Work,
    result: AggregatedRound,
    { round, state, announcements }: EffectOf<'write-checkpoint'>,
  ): Promise<void> {
    const { models, archive, evaluations, store, clock, events, send } = this.options;
    const { model } = result;
    const written = await this.orFail(work, () =>
      untilItPasses(async () => {
        const createdAtMs = clock.toWall(clock.now());
        const openedAtMs = clock.toWall(result.round.openedAtMs);
        const record = recordOf(
          result,
          archive.seriesWith(pointOf(result, { openedAtMs, committedAtMs: createdAtMs })),
        );
        await store.writeCheckpoint({
          round,
          createdAtMs,
          tensors: model.tensors,
          model: model.values,
          optimizer: model.optimizer,
          state,
          announcements,
          eventsBefore: events.last,
          record,
        });
        return record;
      }, this.patience(work)),
    );
    if (!written) return;
    [this.work, this.handle] = [null, null]; // uploads that are still under way are too late
    models.committed(model);
    archive.add(round, written);
    evaluations.begin(round);
    await send({ type: 'committed', round });
    await work.file.close();
  }

  /** @returns undefined where it failed, which the rounds know by then */
  private async orFail<T>(work: Work, doing: () => Promise<T>): Promise<T | undefined> {
    try {
      return await doing();
    } catch (error) {
      await this.fail(work, error);
      return undefined;
    }
  }

  private async fail({ round, file, cancel, isDiscarded }: Work, error: unknown): Promise<void> {
    this.work = null;
    const isCanceled = cancel.signal.aborted;
    if (isCanceled && !isDiscarded) return; // left for the restart
    if (!isCanceled) this.options.onError(error);
    const isKnown = error instanceof QuorateError;
    const message = isKnown ? error.message : 'the aggregation failed because of an internal error';
    const code = isKnown ? error.code : 'INTERNAL';
    await this.options.send({ type: 'aggregation-failed', round, code, message });
    if (isDiscarded) await this.discardFile(file);
  }

  private async discardFile(file: RoundHandle): Promise<void> {
    if (this.handle === file) this.handle = null;
    await file.discard();
  }

  private patience({ cancel }: Work) {
    const { clock, plan, onError } = this.options;
    return { clock, policy: plan.policy, signal: cancel.signal, onError };
  }
}

const timeSince = (openedAtMs: number, clock: Clock) => (): TimeMark => {
  const nowMs = clock.now();
  return { elapsedMs: Math.max(0, nowMs - openedAtMs), wallMs: clock.toWall(nowMs) };
};

/**
 * How long a round has been open, after a restart: what was durable, and what the wall clock says has passed since. A wall
 * clock that was set back says less than nothing, and counts as nothing; one that was set forward can only end the round.
 */
function elapsedUntilNow({ header, time }: RoundStore, clock: Clock): number {
  const sinceMs = Math.max(0, clock.toWall(clock.now()) - time.wallMs);
  return Math.min(header.durationMs, time.elapsedMs + sinceMs);
}
