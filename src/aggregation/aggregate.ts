import { Batch, defaultEngine, Engine } from '../core/engine.js';
import type { NamedTensors } from '../core/source.js';
import { refuseUnknown } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import type { Rule } from '../rules/rule.js';
import { asPipeline, checkPipeline, type Pipeline } from './pipeline.js';
import type { Report } from './report.js';
import { type AggregateOptions, Run } from './run.js';
import { type Input, readUpdates, type Updates } from './updates.js';

/** The result of an aggregation. */
export interface Aggregate<Value = Float32Array> {
  /** d float32, or named tensors if the updates are named. */
  readonly value: Value;
  /** How the value came about: which updates were used, norms, distances, digests, times. */
  readonly report: Report;
}

/**
 * Aggregates n updates of d float32 into one.
 *
 * Updates are never written to, and must not change until the promise settles. The value is a new array (or the option
 * `into`). It has the same bits on every host, for any number of threads and any memory limit.
 *
 * @param updates arrays, a batch, a source of rows, or named tensors
 * @param rule a rule, a pipeline, a rule's name followed by its parameters, or a pipeline's text
 * @throws QuorateError, as described in docs/errors.md: EMPTY_INPUT, BAD_TYPE, BAD_SHAPE, NON_FINITE, NON_FINITE_RESULT,
 *   UNKNOWN_RULE, UNKNOWN_PARAMETER, INVALID_PARAMETER, TOO_FEW_UPDATES, ZERO_WEIGHT, SEARCH_TOO_LARGE, MEMORY_LIMIT,
 *   ENGINE_DISPOSED, FOREIGN_BATCH, SOURCE_FAILED, ABORTED, WORKER_FAILED
 * @example
 * const { value, report } = await aggregate(updates, pipeline(nnm({ f: 2 }), trimmedMean({ f: 2 })));
 * const { value } = await aggregate(updates, 'nnm(f=2) > trimmed-mean(f=2)');
 */
export function aggregate(
  updates: Exclude<Updates, readonly NamedTensors[]>,
  rule: Rule | Pipeline,
  options?: AggregateOptions,
): Promise<Aggregate>;
export function aggregate(
  updates: Exclude<Updates, readonly NamedTensors[]>,
  rule: string,
  parameters?: object,
  options?: AggregateOptions,
): Promise<Aggregate>;
export function aggregate(
  updates: readonly NamedTensors[],
  rule: Rule | Pipeline,
  options?: AggregateOptions,
): Promise<Aggregate<Record<string, Float32Array>>>;
export function aggregate(
  updates: readonly NamedTensors[],
  rule: string,
  parameters?: object,
  options?: AggregateOptions,
): Promise<Aggregate<Record<string, Float32Array>>>;
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

/** Checks the pipeline for n updates. Returns the error TOO_FEW_UPDATES and throws every other. */
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
    throw new QuorateError('INVALID_PARAMETER', `${name} must be ${allowed.join(' or ')}; got ${value}`, {
      parameter: name,
      value,
    });
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
    `${name}: the previous aggregate has ${work.anchor.length} entries, the updates have ${d}`,
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
    throw new QuorateError('INVALID_PARAMETER', 'into overlaps an update, and updates are never written to', {
      parameter: 'into',
    });
  }
}
