/**
 * One aggregation: measures distances if the pipeline needs them, computes the weights, combines, reports.
 *
 * Rows that are not finite are detected at no cost: by their norms if distances are measured, otherwise by the result,
 * which can't be finite if they are not. Only then does a further pass identify them.
 */
import { MAX_PAGES } from '../../bindings/abi.js';
import type { Engine, EngineSession } from '../core/engine.js';
import { outlierRows } from '../core/outlierRows.js';
import { Geometry, type Measured } from '../core/geometry.js';
import { combinePass, normsPass } from '../core/combinePass.js';
import { pairwisePass, precisionOf, pulledPass } from '../core/distancePasses.js';
import { type RowSource, withRow } from '../core/source.js';
import { runCooperatively } from '../core/cooperative.js';
import type { PassOptions, TiledRows } from '../core/tiles.js';
import { QuorateError } from '../errors.js';
import { checkPipeline, type Pipeline, pipelineText, restrictPipeline } from './pipeline.js';
import { contentOrder, pipelineInOrder, planInPlace, reordered } from './contentOrder.js';
import { type CombinationPlan, planCombination } from './plan.js';
import { vectorDigest, type Report, RowDigests, rowReports } from './report.js';
import type { Input } from './updates.js';

/** Options of `aggregate`. */
export interface AggregateOptions {
  /** The engine to run on. Default: a batch's own, otherwise one that all calls without an engine share. */
  readonly engine?: Engine;
  /**
   * What to do with updates that contain NaN or an infinity: refuse the call and name them, or exclude them. Such an
   * update is certainly Byzantine, so each excluded one lowers f by one, but not below 0. Default: 'refuse'.
   */
  readonly onNonFinite?: 'refuse' | 'exclude';
  /** A brief report omits norms, distances, suspicion and digests, and saves their time. Default: 'full'. */
  readonly report?: 'full' | 'brief';
  /**
   * Where to write the value, d float32; it is also returned. A row of a batch of the same engine is written in place.
   * Must not overlap an update. If the call fails, its contents are unspecified.
   */
  readonly into?: Float32Array;
  /** Cancels the call between tiles, and during a search for weights. */
  readonly signal?: AbortSignal;
}

/** The outcome of one attempt: a value, or the rows that are not finite. */
type RunOutcome =
  { readonly value: Float32Array; readonly report: Report } | { readonly bad: readonly number[] };

export class Run {
  private readonly session: EngineSession;
  private readonly engine: Engine;
  private readonly input: Input;
  private readonly options: AggregateOptions;
  private readonly digests: RowDigests | undefined;
  private readonly times = { distances: 0, weights: 0, combine: 0, digest: 0, total: 0 };
  private readonly began = performance.now();

  constructor(session: EngineSession, engine: Engine, input: Input, options: AggregateOptions) {
    this.session = session;
    this.engine = engine;
    this.input = input;
    this.options = options;
    this.digests = options.report === 'brief' ? undefined : new RowDigests(input.n);
  }

  /** @param tooFew set if there are too few updates for this f, which excluding non-finite ones may still lower */
  async run(pipeline: Pipeline, tooFew?: QuorateError): Promise<{ value: Float32Array; report: Report }> {
    const all = Array.from({ length: this.input.n }, (_, i) => i);
    const outcome = tooFew ? { bad: await this.nonFinite(all) } : await this.attempt(pipeline, all);
    if ('value' in outcome) return outcome;
    if (tooFew && outcome.bad.length === 0) throw tooFew;
    if (this.options.onNonFinite !== 'exclude') refuseNonFinite(outcome.bad);
    const kept = all.filter((row) => !outcome.bad.includes(row));
    const restricted = restrictPipeline(pipeline, kept, outcome.bad.length);
    checkPipeline(restricted, kept.length);
    const second = await this.attempt(restricted, kept);
    if ('value' in second) return second;
    return refuseNonFinite(second.bad); // only reached if a source's rows change meanwhile
  }

  private async nonFinite(rows: readonly number[]): Promise<number[]> {
    const pass = this.passOptions(rows, undefined);
    const norms = await normsPass(pass);
    this.digests?.finish();
    return rows.filter((_, i) => !Number.isFinite(norms[i]));
  }

  private async timed<T>(
    stage: 'distances' | 'weights' | 'combine' | 'digest',
    task: () => T | Promise<T>,
  ): Promise<T> {
    const start = performance.now();
    try {
      return await task();
    } finally {
      this.times[stage] += performance.now() - start;
    }
  }

  /** The pipeline on the rows `kept`. */
  private async attempt(pipeline: Pipeline, kept: readonly number[]): Promise<RunOutcome> {
    const { work } = pipeline.rule;
    const anchor = work.kind === 'linear' ? work.anchor : undefined;
    const pass = this.passOptions(kept, anchor);
    const measured = await this.timed('distances', () => this.measure(pipeline, pass));
    if (measured) {
      const bad = kept.filter(
        (_, i) => !Number.isFinite(measured.direct[i * (measured.rows + 1) + measured.rows]),
      );
      if (bad.length > 0) return { bad };
    }
    const base = new Geometry(measured ?? unmeasured(pass.chosen.length), anchor ? 1 : 0);
    const plan = await this.timed('weights', () =>
      measured && !pipeline.preaggregators.some((stage) => stage.ordered)
        ? this.planByContent(pipeline, kept, measured)
        : runCooperatively(planCombination(pipeline, base), this.options.signal),
    );
    return this.combine(pipeline, kept, pass, plan, measured ? base : undefined);
  }

  /** The pipeline's plan, with ties broken by the contents of the rows. */
  private async planByContent(
    pipeline: Pipeline,
    kept: readonly number[],
    measured: Measured,
  ): Promise<CombinationPlan> {
    const order = await contentOrder(measured, kept, asSource(this.input.rows));
    const geometry = new Geometry(reordered(measured, order), measured.rows - kept.length);
    const steps = planCombination(pipelineInOrder(pipeline, order), geometry);
    return planInPlace(await runCooperatively(steps, this.options.signal), order);
  }

  private passOptions(kept: readonly number[], anchor: Float32Array | undefined): PassOptions {
    const { digests, session, engine, input } = this;
    return {
      session,
      threads: engine.threads,
      sharedMaximumPages: engine.sharedMemory ? MAX_PAGES : undefined,
      rows: anchor ? { source: withRow(asSource(input.rows), anchor) } : input.rows,
      chosen: anchor ? [...kept, input.n] : kept,
      signal: this.options.signal,
      onTile:
        digests && !digests.complete
          ? (tile) => {
              digests.feed(session.arena, tile);
            }
          : undefined,
    };
  }

  private async measure(
    { preaggregators, rule: { work } }: Pipeline,
    pass: PassOptions,
  ): Promise<Measured | undefined> {
    const ruleNeeds = work.kind === 'linear' ? work.needsDistances : work.choose !== undefined;
    if (!ruleNeeds && !preaggregators.some((stage) => stage.needsDistances)) return undefined;
    const rows = pass.chosen.length;
    const { d } = this.input;
    const direct = await pairwisePass(pass);
    this.digests?.finish();
    const plain: Measured = {
      rows,
      direct,
      pulled: direct,
      center: 0,
      far: [],
      precision: precisionOf(d, false),
    };
    const combines =
      preaggregators.some((stage) => stage.scales) || (work.kind === 'linear' && work.combines);
    if (!combines || !direct.every(Number.isFinite)) return plain;
    const { center, far } = outlierRows(direct, rows);
    if (far.length === 0) return plain;
    const pulled = await pulledPass(pass, center, far);
    return { rows, direct, pulled, center, far, precision: precisionOf(d, true) };
  }

  private async combine(
    pipeline: Pipeline,
    kept: readonly number[],
    pass: PassOptions,
    { combination, rowWeights, used, proof }: CombinationPlan,
    geometry: Geometry | undefined,
  ): Promise<RunOutcome> {
    const { session, input, options } = this;
    const full = this.digests !== undefined;
    const n = pass.chosen.length;
    const measures =
      full && !(geometry && rowWeights)
        ? { squaredNorms: new Float64Array(n), squaredDistances: new Float64Array(n) }
        : undefined;
    const value = options.into ?? new Float32Array(input.d);
    const direct =
      value.buffer === session.arena.memory.buffer && value.byteOffset % 64 === 0 && value.length % 16 === 0;
    const last = { ...pass, onTile: this.digests?.complete === false ? pass.onTile : undefined };
    const { inputsFinite, resultsFinite } = await this.timed('combine', () => {
      // Rows of weight 0 need not be read again: they are known to be finite.
      if (geometry && !measures && combination.kind === 'weighted-sum') {
        const { weights } = combination;
        const parts = pass.chosen.filter((_, i) => weights[i] !== 0);
        const their = { kind: 'weighted-sum' as const, weights: weights.filter((weight) => weight !== 0) };
        if (parts.length > 0) return combinePass({ ...last, chosen: parts }, their, value, direct);
      }
      return combinePass(last, combination, value, direct, measures);
    });
    const digests = this.digests?.finish();
    if (!geometry && !(inputsFinite && resultsFinite)) {
      const norms = measures?.squaredNorms ?? (await normsPass(pass));
      const bad = kept.filter((_, i) => !Number.isFinite(norms[i]));
      if (bad.length > 0) return { bad };
    }
    if (!resultsFinite) {
      throw new QuorateError('NON_FINITE_RESULT', 'the result overflows float32');
    }

    const squaredNorms =
      measures?.squaredNorms ??
      (full && geometry ? Float64Array.from(kept, (_, i) => geometry.squaredNorm(i)) : undefined);
    const squaredDistances =
      measures?.squaredDistances ??
      (full && geometry && rowWeights ? geometry.squaredDistancesTo(rowWeights) : undefined);
    const rows = rowReports(input.n, kept, { rowWeights, used, digests }, squaredNorms, squaredDistances);
    const resultDigest = full ? await this.timed('digest', () => vectorDigest(value)) : undefined;
    this.times.total = performance.now() - this.began;
    return {
      value,
      report: {
        pipeline: pipelineText(pipeline),
        n: input.n,
        d: input.d,
        rows,
        excluded: rows.filter(({ index }) => !kept.includes(index)).map(({ index }) => index),
        ...proof,
        ...(resultDigest === undefined ? {} : { resultDigest }),
        timesMs: this.times,
      },
    };
  }
}

/** @throws QuorateError NON_FINITE */
function refuseNonFinite(rows: readonly number[]): never {
  throw new QuorateError(
    'NON_FINITE',
    `update${rows.length > 1 ? 's' : ''} ${rows.join(', ')} contain${rows.length > 1 ? '' : 's'} NaN or an infinity`,
    { rows },
  );
}

function asSource(rows: TiledRows): RowSource {
  if ('source' in rows) return rows.source;
  const { batch } = rows;
  const read = (row: number, column: number, into: Float32Array) => {
    into.set(batch.row(row).subarray(column, column + into.length));
  };
  return { n: batch.n, d: batch.d, read };
}

/** For pipelines that need no distances. */
const unmeasured = (rows: number): Measured => ({
  rows,
  direct: new Float64Array(0),
  pulled: new Float64Array(0),
  center: 0,
  far: [],
  precision: 0,
});
