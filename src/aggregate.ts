/**
 * `aggregate`: check everything, measure distances if the pipeline needs them, work out the weights, combine.
 */
import { MOST_PAGES } from '../bindings/abi.js';
import { Batch } from './core/batch.js';
import { defaultEngine, Engine, type EngineSession } from './core/engine.js';
import { farRows } from './core/far.js';
import { Geometry, type Measured } from './core/geometry.js';
import { refuseUnknown } from './core/options.js';
import {
  type Combination,
  combinePass,
  normsPass,
  pairwisePass,
  type PassOptions,
  pulledPass,
} from './core/passes.js';
import { type NamedTensors, type RowSource, withRow } from './core/source.js';
import type { Rows } from './core/tiles.js';
import { QuorateError } from './errors.js';
import { asPipeline, checkPipeline, type Pipeline, pipelineText, restrictPipeline } from './pipeline.js';
import { digestOf, type Report, RowDigests, type RowReport, suspicions } from './report.js';
import type { Rule } from './rules/rule.js';
import { type Input, readUpdates, type Updates } from './updates.js';

export interface AggregateOptions {
  /** Where to run; default: a batch's own engine, or for other updates one that all such calls share. */
  readonly engine?: Engine;
  /**
   * What becomes of updates that hold NaN or an infinity: refuse the call, naming them (the default), or leave them
   * out. Such an update is certainly Byzantine, so each one left out lowers f by one, though not below 0.
   */
  readonly onNonFinite?: 'refuse' | 'exclude';
  /** A brief report leaves out norms, distances, suspicion and digests, and saves their time. Default: full. */
  readonly report?: 'full' | 'brief';
  /**
   * Where to write the value, d long; it is also returned. A row of a batch of the same engine is written in place.
   * If the call fails, what it holds is unspecified.
   */
  readonly into?: Float32Array;
  /** Gives up between tiles. */
  readonly signal?: AbortSignal;
}

export interface Aggregate<Value = Float32Array> {
  readonly value: Value;
  readonly report: Report;
}

type Value<U> = U extends readonly NamedTensors[] ? Record<string, Float32Array> : Float32Array;
type FlatUpdates = Exclude<Updates, readonly NamedTensors[]>;

/**
 * Aggregates updates by a rule, a pipeline, or a rule's name with its parameters.
 *
 * Updates are never written to, and must not change until the promise settles. The value is a new array (or the
 * option `into`), the same to the last bit on every host, for any number of threads and any memory limit.
 *
 * @throws QuorateError see docs/errors.md: EMPTY_INPUT, BAD_TYPE, BAD_SHAPE, NON_FINITE, NON_FINITE_RESULT,
 *   UNKNOWN_RULE, UNKNOWN_PARAMETER, INVALID_PARAMETER, TOO_FEW_UPDATES, ZERO_WEIGHT, SEARCH_TOO_LARGE, MEMORY_LIMIT,
 *   ENGINE_DISPOSED, FOREIGN_BATCH, SOURCE_FAILED, ABORTED, WORKER_FAILED
 * @example
 * const { value, report } = await aggregate(updates, pipeline(nnm({ f: 2 }), trimmedMean({ f: 2 })));
 */
export function aggregate(
  updates: FlatUpdates,
  rule: Rule | Pipeline,
  options?: AggregateOptions,
): Promise<Aggregate>;
export function aggregate(
  updates: FlatUpdates,
  rule: string,
  parameters?: object,
  options?: AggregateOptions,
): Promise<Aggregate>;
export function aggregate<U extends readonly NamedTensors[]>(
  updates: U,
  rule: Rule | Pipeline,
  options?: AggregateOptions,
): Promise<Aggregate<Value<U>>>;
export function aggregate<U extends readonly NamedTensors[]>(
  updates: U,
  rule: string,
  parameters?: object,
  options?: AggregateOptions,
): Promise<Aggregate<Value<U>>>;
export async function aggregate(
  updates: Updates,
  rule: Rule | Pipeline | string,
  parametersOrOptions?: object,
  optionsAfterName?: AggregateOptions,
): Promise<Aggregate<Float32Array | Record<string, Float32Array>>> {
  const byName = typeof rule === 'string';
  const options = checkOptions((byName ? optionsAfterName : parametersOrOptions) ?? {});
  const pipeline = asPipeline(rule, byName ? parametersOrOptions : undefined);
  const engine = options.engine ?? (updates instanceof Batch ? updates.engine : defaultEngine());
  const input = readUpdates(updates, engine);
  const tooFew = tooFewUpdates(pipeline, input.n);
  if (tooFew && options.onNonFinite !== 'exclude') throw tooFew;
  checkAnchor(pipeline, input.d);
  checkInto(options.into, input);

  const { value, report } = await engine.exclusive((session) =>
    new Run(session, engine, input, options).run(pipeline, tooFew),
  );
  return { value: input.name ? input.name(value) : value, report };
}

/** Checks the pipeline for n updates. @throws QuorateError all that is wrong, but for too few updates: that it returns */
function tooFewUpdates(pipeline: Pipeline, n: number): QuorateError | undefined {
  try {
    checkPipeline(pipeline, n);
  } catch (error) {
    if (error instanceof QuorateError && error.code === 'TOO_FEW_UPDATES') return error;
    throw error;
  }
  return undefined;
}

/** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
function checkOptions(options: AggregateOptions): AggregateOptions {
  refuseUnknown('aggregate', options, ['engine', 'onNonFinite', 'report', 'into', 'signal']);
  const requireOneOf = (name: 'onNonFinite' | 'report', allowed: readonly string[]) => {
    const value = options[name];
    if (value === undefined || allowed.includes(value)) return;
    throw new QuorateError(
      'INVALID_PARAMETER',
      `${name} must be ${allowed.join(' or ')}; got ${String(value)}`,
      { parameter: name, value },
    );
  };
  requireOneOf('onNonFinite', ['refuse', 'exclude']);
  requireOneOf('report', ['full', 'brief']);
  if (options.engine !== undefined && !(options.engine instanceof Engine)) {
    throw new QuorateError('INVALID_PARAMETER', 'engine must come from createEngine()', {
      parameter: 'engine',
    });
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new QuorateError('INVALID_PARAMETER', 'signal must be an AbortSignal', { parameter: 'signal' });
  }
  return options;
}

/** @throws QuorateError BAD_SHAPE */
function checkAnchor({ rule: { name, work } }: Pipeline, d: number): void {
  if (work.kind !== 'linear' || !work.anchor || work.anchor.length === d) return;
  throw new QuorateError(
    'BAD_SHAPE',
    `${name}: the former aggregate has ${work.anchor.length} entries, the updates have ${d}`,
    {
      got: work.anchor.length,
      expected: d,
    },
  );
}

/** @throws QuorateError BAD_TYPE, BAD_SHAPE, INVALID_PARAMETER */
function checkInto(into: unknown, input: Input): void {
  if (into === undefined) return;
  if (!(into instanceof Float32Array)) throw new QuorateError('BAD_TYPE', 'into must be a Float32Array');
  if (into.length !== input.d) {
    throw new QuorateError('BAD_SHAPE', `into has ${into.length} entries, the updates have ${input.d}`, {
      got: into.length,
      expected: input.d,
    });
  }
  if (input.overlaps(into)) {
    throw new QuorateError(
      'INVALID_PARAMETER',
      'into lies in one of the updates, which are never written to',
      { parameter: 'into' },
    );
  }
}

/** What one attempt found: a value, or rows that are not finite. */
type Outcome =
  { readonly value: Float32Array; readonly report: Report } | { readonly bad: readonly number[] };

class Run {
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

  /** @param tooFew set if there are too few updates, unless some prove to be Byzantine and lower f */
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
    return refuseNonFinite(second.bad); // only a source whose rows change under our hands gets here
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
  private async attempt(pipeline: Pipeline, kept: readonly number[]): Promise<Outcome> {
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
    const plan = await this.timed('weights', () => combinationOf(pipeline, base));
    return this.combine(pipeline, kept, pass, plan, measured ? base : undefined);
  }

  private passOptions(kept: readonly number[], anchor: Float32Array | undefined): PassOptions {
    const { digests, session, engine, input } = this;
    return {
      session,
      threads: engine.threads,
      sharedMaximumPages: engine.sharedMemory ? MOST_PAGES : undefined,
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
    const direct = await pairwisePass(pass);
    this.digests?.finish();
    const plain: Measured = { rows, direct, pulled: direct, centre: 0, far: [] };
    const combines =
      preaggregators.some((stage) => stage.scales) || (work.kind === 'linear' && work.combines);
    if (!combines || !direct.every(Number.isFinite)) return plain;
    const { centre, far } = farRows(direct, rows);
    if (far.length === 0) return plain;
    const pulled = await pulledPass(pass, centre, far);
    return { rows, direct, pulled, centre, far };
  }

  private async combine(
    pipeline: Pipeline,
    kept: readonly number[],
    pass: PassOptions,
    { combination, rowWeights, used }: Plan,
    geometry: Geometry | undefined,
  ): Promise<Outcome> {
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
      // Rows without weight need not be read again once they are known to be finite.
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
      throw new QuorateError(
        'NON_FINITE_RESULT',
        'the result overflows float32: the updates are too large to be combined',
      );
    }

    const squaredNorms =
      measures?.squaredNorms ??
      (full && geometry && Float64Array.from(kept, (_, i) => geometry.squaredNorm(i)));
    const squaredDistances =
      measures?.squaredDistances ??
      (full && geometry && rowWeights ? geometry.squaredDistancesTo(rowWeights) : undefined);
    const rows = rowReports(
      input.n,
      kept,
      { rowWeights, used, digests },
      squaredNorms || undefined,
      squaredDistances,
    );
    const resultDigest = full ? await this.timed('digest', () => digestOf(value)) : undefined;
    this.times.total = performance.now() - this.began;
    return {
      value,
      report: {
        pipeline: pipelineText(pipeline),
        n: input.n,
        d: input.d,
        rows,
        excluded: rows.filter(({ index }) => !kept.includes(index)).map(({ index }) => index),
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
    `NaN or an infinity in update${rows.length > 1 ? 's' : ''} ${rows.join(', ')}`,
    { rows },
  );
}

function asSource(rows: Rows): RowSource {
  if ('source' in rows) return rows.source;
  const { batch } = rows;
  const read = (row: number, column: number, into: Float32Array) => {
    into.set(batch.row(row).subarray(column, column + into.length));
  };
  return { n: batch.n, d: batch.d, read };
}

/** For pipelines that ask for no distance. */
const unmeasured = (rows: number): Measured => ({
  rows,
  direct: new Float64Array(0),
  pulled: new Float64Array(0),
  centre: 0,
  far: [],
});

interface Plan {
  readonly combination: Combination;
  /** For linear rules: the weights over the rows, an anchor's last. */
  readonly rowWeights: Float64Array | undefined;
  /** Which rows have any part in it. */
  readonly used: (row: number) => boolean;
}

/** What the pipeline makes of the rows, given their geometry. */
function combinationOf({ preaggregators, rule: { work } }: Pipeline, base: Geometry): Plan {
  const geometry = preaggregators.reduce((points, stage) => points.map(stage.combine(points)), base);
  if (work.kind === 'linear') {
    const weights = work.rowWeights(geometry);
    return {
      combination: { kind: 'weighted-sum', weights },
      rowWeights: weights,
      used: (row) => weights[row] !== 0,
    };
  }
  const indices = work.choose?.(geometry) ?? Array.from({ length: geometry.n }, (_, i) => i);
  const column = work.column(indices.length);
  if (preaggregators.length === 0) {
    return {
      combination: { kind: 'columns', column, inputs: { indices } },
      rowWeights: undefined,
      used: (row) => indices.includes(row),
    };
  }
  const matrix = indices.map((index) =>
    geometry.rowWeights(Float64Array.from({ length: geometry.n }, (_, i) => (i === index ? 1 : 0))),
  );
  return {
    combination: { kind: 'columns', column, inputs: { matrix } },
    rowWeights: undefined,
    used: (row) => matrix.some((weights) => weights[row] !== 0),
  };
}

interface RowFacts {
  readonly rowWeights: Float64Array | undefined;
  readonly used: (row: number) => boolean;
  readonly digests: readonly string[] | undefined;
}

function rowReports(
  n: number,
  kept: readonly number[],
  { rowWeights, used, digests }: RowFacts,
  squaredNorms: Float64Array | undefined,
  squaredDistances: Float64Array | undefined,
): RowReport[] {
  const distances = squaredDistances?.subarray(0, kept.length).map(Math.sqrt);
  const suspicion = distances && suspicions(distances);
  return Array.from({ length: n }, (_, index) => {
    const digest = digests ? { digest: digests[index] } : {};
    const i = kept.indexOf(index);
    if (i < 0) return { index, used: false, ...(suspicion ? { suspicion: 1 } : {}), ...digest };
    return {
      index,
      used: used(i),
      ...(rowWeights ? { weight: rowWeights[i] } : {}),
      ...(squaredNorms ? { norm: Math.sqrt(squaredNorms[i]) } : {}),
      ...(distances && suspicion ? { distance: distances[i], suspicion: suspicion[i] } : {}),
      ...digest,
    };
  });
}
