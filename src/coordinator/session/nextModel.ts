/**
 * What a round does to a model: rows in, the next model out. Pure, and the same bits on every host, so that anyone who
 * holds a round's updates can run it again and compare.
 *
 *   1. a stale row is scaled by 1 / √(1 + staleness), in float32 (FedBuff, Nguyen et al. 2022, arXiv:2106.06639)
 *   2. the pipeline aggregates the rows; a lone mean is weighted, where the session weights by examples
 *   3. Δ = the aggregate (delta), −rate · aggregate (gradient), or aggregate − model (weights), in float32
 *   4. the server optimizer takes its step with Δ
 *
 * Of weights, fed-avg makes (1 − η) · model + η · aggregate, rounded once, and with η = 1 the aggregate itself: the rounded
 * difference, added back, would be neither. The pipeline sees the weights as they are sent, so that what measures from the
 * origin (clipping, ARC, CGE, centered clipping, the sign vote) measures weights from 0, not from the model.
 */
import { aggregate } from '../../aggregation/aggregate.js';
import type { Engine } from '../../core/engine.js';
import type { RowSource } from '../../core/source.js';
import { optimize, requireState } from '../../optimizers/optimize.js';
import type { OptimizerState, ServerOptimizer } from '../../optimizers/serverOptimizer.js';
import { pipeline as lone, type Pipeline } from '../../aggregation/pipeline.js';
import type { Report } from '../../aggregation/report.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import { mean } from '../../rules/mean.js';
import { QuorateError } from '../../errors.js';

/** What gradients are multiplied by. */
export interface LearningRate {
  /** The rate of the first round. */
  readonly first: number;
  /** Linear: reaches 0 after the last round. */
  readonly decay: 'constant' | 'linear';
}

/** What a session decides about its models; the same in all rounds. */
export interface Recipe {
  /** Aggregates the updates. */
  readonly pipeline: Pipeline;
  /** Turns the aggregate into the next model. */
  readonly optimizer: ServerOptimizer;
  /** What the nodes send: model deltas, new weights, or gradients. */
  readonly updates: 'delta' | 'gradient' | 'weights';
  /** The step along gradients, and how it decays. */
  readonly learningRate: LearningRate;
  /** Null: all rows count alike. Else the pipeline is a lone mean. */
  readonly examplesUpTo: number | null;
  /** How many rounds the session has, for the decay of the learning rate. */
  readonly rounds: number;
}

/** What a round knows of a row beside its values. */
export type RowFacts = Pick<AcceptedUpdate, 'numExamples' | 'staleness'>;

/** A round's updates, and what the round before left. */
export interface RoundInput {
  /** From 1 on. */
  readonly round: number;
  /** d float32, not written to. */
  readonly model: Float32Array;
  /** What the round before returned; null in the first. */
  readonly optimizer: OptimizerState | null;
  /** n × d, in the order of the nodes' ids. */
  readonly rows: RowSource;
  /** Of each row, in the same order. */
  readonly facts: readonly RowFacts[];
}

/** The next model, and what the next round needs. */
export interface RoundOutput {
  /** The next model, d float32. */
  readonly model: Float32Array;
  /** The optimizer's next state; null if it has none. */
  readonly optimizer: OptimizerState;
  /** Of the aggregation; `resultDigest` is the aggregate's. Digests of rows are of what was aggregated: scaled. */
  readonly report: Report;
}

/**
 * Computes the next model from a round's updates: the same bits on every host.
 *
 * @param input must not change before the promise settles
 * @returns arrays of its own
 * @throws QuorateError what `aggregate` and `optimize` throw
 * @example
 * const recipe = { pipeline: parsePipeline('median'), optimizer: fedAvg(), updates: 'delta', … };
 * const { model } = await nextModel(recipe, { round: 1, model: start, optimizer: null, rows, facts });
 */
export async function nextModel(
  recipe: Recipe,
  input: RoundInput,
  options: { readonly engine?: Engine; readonly signal?: AbortSignal } = {},
): Promise<RoundOutput> {
  const { engine, signal } = options;
  const onEngine = engine ? { engine } : {};
  const { value, report } = await aggregate(
    withStaleness(input.rows, input.facts),
    weighted(recipe, input.facts),
    { ...onEngine, ...(signal ? { signal } : {}) },
  );
  signal?.throwIfAborted();
  const { share } = recipe.optimizer;
  if (recipe.updates === 'weights' && share !== undefined) {
    if (input.optimizer) requireState(input.optimizer, recipe.optimizer, value.length);
    const step = (input.optimizer?.step ?? 0) + 1;
    moveInto(input.model, value, share);
    return { model: value, optimizer: { step, vectors: {} }, report };
  }
  toDelta(recipe, input, value);
  const { model, state } = await optimize(
    input.model,
    value,
    recipe.optimizer,
    input.optimizer ?? undefined,
    onEngine,
  );
  return { model, optimizer: state, report };
}

/** What gradients of this round are multiplied by, but for the sign. */
export function rateOf({ learningRate: { first, decay }, rounds }: Recipe, round: number): number {
  return decay === 'constant' ? first : (first * (rounds - round + 1)) / rounds;
}

function withStaleness(rows: RowSource, facts: readonly RowFacts[]): RowSource {
  if (facts.every(({ staleness }) => staleness === 0)) return rows;
  const scales = facts.map(({ staleness }) => Math.fround(1 / Math.sqrt(1 + staleness)));
  const scale = (row: number, values: Float32Array) => {
    if (facts[row]!.staleness === 0) return;
    for (let k = 0; k < values.length; k++) values[k]! *= scales[row]!; // rounded once, as in float32
  };
  return {
    n: rows.n,
    d: rows.d,
    read(row, column, into) {
      const pending = rows.read(row, column, into);
      if (pending) return pending.then(() => scale(row, into));
      scale(row, into);
      return undefined;
    },
  };
}

function weighted({ pipeline, examplesUpTo }: Recipe, facts: readonly RowFacts[]): Pipeline {
  if (examplesUpTo === null) return pipeline;
  return lone(mean({ weights: facts.map((fact) => examplesOf(fact, examplesUpTo)) }));
}

/** A weight: what the node says, but not more than the cap. One who says nothing has one example. */
export const examplesOf = ({ numExamples }: Pick<RowFacts, 'numExamples'>, upTo: number): number =>
  Math.min(numExamples ?? 1, upTo);

/** Moves from the model to the aggregate by a share of the way, in place. @throws QuorateError NON_FINITE_RESULT */
function moveInto(model: Float32Array, aggregated: Float32Array, share: number): void {
  if (share === 1) return;
  for (let k = 0; k < model.length; k++) {
    aggregated[k] = (1 - share) * model[k]! + share * aggregated[k]!;
    if (!Number.isFinite(aggregated[k])) refuseOverflow('the next model');
  }
}

function refuseOverflow(what: string): never {
  throw new QuorateError('NON_FINITE_RESULT', `${what} overflows float32`);
}

/** Turns the aggregate into Δ, in place. @throws QuorateError NON_FINITE_RESULT */
function toDelta(recipe: Recipe, { round, model }: RoundInput, value: Float32Array): void {
  switch (recipe.updates) {
    case 'delta':
      return;
    case 'gradient': {
      const factor = Math.fround(-rateOf(recipe, round));
      for (let k = 0; k < value.length; k++) value[k]! *= factor;
      return;
    }
    case 'weights':
      for (let k = 0; k < value.length; k++) {
        value[k]! -= model[k]!;
        if (!Number.isFinite(value[k]))
          refuseOverflow('the difference from the model, which the optimizer needs,');
      }
  }
}
