/**
 * One round from its last update to its checkpoint:
 *
 *   seal        durably decides which updates are in
 *   nextModel   on the engine, which sessions share in turns
 *   proof       its rows are what was acknowledged
 *   evaluate    where the coordinator measures models itself
 *   checkpoint  this is the commit
 *
 * What passes, a full disk say, is waited for and tried again with the same updates, which were acknowledged. Up to the
 * checkpoint the work may be given up; sealed updates are aggregated again after a restart.
 */
import type { Engine } from '../../core/engine.js';
import { type ErrorCode, QuorateError } from '../../errors.js';
import { vectorDigest } from '../../aggregation/report.js';
import { type AcceptedUpdate, backoffMs, type Judgment, type SessionState } from '../../rounds/machine.js';
import type { Checkpoint, SessionStore } from '../../store/store.js';
import type { Clock } from '../../core/clock.js';
import type { CurrentModel, StoredModel } from './models.js';
import { nextModel, type RoundOutput } from './nextModel.js';
import type { SessionPlan } from './sessionPlan.js';
import { requireAcknowledged } from './verifyRows.js';
import {
  judgmentsOf,
  type RoundPoint,
  type RoundRecord,
  suspicionOf,
  trainingMetrics,
  updateRow,
} from './roundRecord.js';
import type { RoundHandle } from './roundHandle.js';

/** What is decided of a round, and is not in its updates. */
export interface RoundFacts {
  readonly round: number;
  readonly attempt: number;
  readonly openedAtMs: number;
  readonly asked: readonly string[] | null;
}

export interface Findings {
  readonly round: number;
  readonly judgments: readonly Judgment[];
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Committed extends Findings {
  readonly model: CurrentModel;
  readonly record: RoundRecord;
}

export interface RoundAggregationOptions {
  readonly plan: SessionPlan;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly store: SessionStore;
  readonly file: RoundHandle;
  readonly before: CurrentModel;
  readonly facts: RoundFacts;
  readonly updates: readonly AcceptedUpdate[];
  readonly evaluate: ((model: StoredModel) => Promise<Readonly<Record<string, number>>>) | undefined;
  readonly refusedSoFar: () => number;
  readonly series: (point: RoundPoint) => readonly RoundPoint[];
  /** The session's state once this is committed. */
  readonly stateAfter: (findings: Findings) => SessionState;
  readonly onError: (error: unknown) => void;
}

/** Others say something of the updates or of the pipeline, and would come again. */
const passing: readonly ErrorCode[] = ['STORE_FULL', 'STORE_FAILED', 'SOURCE_FAILED', 'WORKER_FAILED'];

const isPassing = (error: unknown): boolean => error instanceof QuorateError && passing.includes(error.code);

export class RoundAggregation {
  readonly round: number;
  /** @throws QuorateError ABORTED if it was given up; CORRUPT_FILE; whatever else nextModel throws. */
  readonly outcome: Promise<Committed>;
  private readonly options: RoundAggregationOptions;
  private readonly giveUp = new AbortController();

  constructor(options: RoundAggregationOptions) {
    this.options = options;
    this.round = options.facts.round;
    this.outcome = this.untilDone();
  }

  get isGivenUp(): boolean {
    return this.giveUp.signal.aborted;
  }

  /** Up to the writing of the checkpoint. Later, it is committed all the same. */
  abort(): void {
    this.giveUp.abort(new QuorateError('ABORTED', 'the aggregation was given up'));
  }

  private async untilDone(): Promise<Committed> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.once();
      } catch (error) {
        if (this.isGivenUp || !isPassing(error)) throw error;
        this.options.onError(error);
        await this.wait(backoffMs(this.options.plan.policy, failures));
      }
    }
  }

  private async once(): Promise<Committed> {
    const { plan, engine, file, before, updates, facts, store } = this.options;
    const { signal } = this.giveUp;
    const nodes = updates.map(({ node }) => node);
    const place = await file.ready();
    signal.throwIfAborted();
    await place.seal(nodes);
    const output = await nextModel(
      plan.recipe,
      {
        round: facts.round,
        model: before.values,
        optimizer: before.optimizer,
        rows: place.rows(nodes),
        facts: updates,
      },
      { engine, signal },
    );
    await requireAcknowledged(place, updates, output.report.rows);
    const model: CurrentModel = {
      round: facts.round,
      tensors: before.tensors,
      values: output.model,
      digest: vectorDigest(output.model),
      optimizer: output.optimizer,
    };
    const metrics = { ...trainingMetrics(updates), ...(await this.measure(model)) };
    signal.throwIfAborted();
    const findings = { round: facts.round, judgments: judgmentsOf(updates, output.report), metrics };
    const { record, checkpoint } = this.checkpoint(model, output, findings);
    await store.writeCheckpoint(checkpoint);
    return { ...findings, model, record };
  }

  /** A model that can't be measured is a model nonetheless. */
  private async measure(model: StoredModel): Promise<Readonly<Record<string, number>>> {
    try {
      const measured = Object.entries((await this.options.evaluate?.(model)) ?? {});
      return Object.fromEntries(measured.filter(([, value]) => Number.isFinite(value)));
    } catch (error) {
      this.options.onError(error);
      return {};
    }
  }

  private checkpoint(
    model: CurrentModel,
    { report }: RoundOutput,
    findings: Findings,
  ): { record: RoundRecord; checkpoint: Checkpoint } {
    const { facts, updates, before, clock, series, stateAfter, refusedSoFar } = this.options;
    const committedAtMs = clock.now();
    const state = stateAfter(findings); // first, for it concludes what the series tells
    const point: RoundPoint = {
      ...facts,
      committedAtMs,
      accepted: updates.length,
      refused: refusedSoFar(),
      ...suspicionOf(findings.judgments),
      metrics: findings.metrics,
    };
    const record: RoundRecord = {
      pipeline: report.pipeline,
      updates: updates.map((update, i) => updateRow(update, report.rows[i]!)),
      previousModelDigest: before.digest,
      aggregateDigest: report.resultDigest!,
      modelDigest: model.digest,
      timesMs: report.timesMs,
      series: series(point),
    };
    const checkpoint = {
      round: model.round,
      createdAtMs: committedAtMs,
      tensors: model.tensors,
      model: model.values,
      optimizer: model.optimizer,
      state,
      record,
    };
    return { record, checkpoint };
  }

  /** Until then, or until this is given up. */
  private async wait(forMs: number): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.giveUp;
    await new Promise<void>((resolve) => {
      const cancel = clock.at(clock.now() + forMs, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      signal.addEventListener('abort', end, { once: true });
    });
    signal.throwIfAborted();
  }
}
