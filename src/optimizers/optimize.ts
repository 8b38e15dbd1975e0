import { SEGMENT_COLUMNS } from '../../bindings/abi.js';
import { defaultEngine, type Engine, type EngineSession } from '../core/engine.js';
import { Allocation, paddedColumns } from '../core/memory.js';
import { refuseNonFinite, refuseUnknown, requireVector, requireVectorOf } from '../core/validation.js';
import { QuorateError } from '../errors.js';
import {
  type OptimizerState,
  type ServerOptimizer,
  type StateVector,
  stateVectors,
} from './serverOptimizer.js';

/** Options of `optimize`. */
export interface OptimizeOptions {
  /** The engine to run on. Default: one that all calls without an engine share. */
  readonly engine?: Engine;
}

/** The result of one optimizer step. Both vectors are new arrays. */
export interface OptimizeResult {
  /** The next model. */
  readonly model: Float32Array;
  /** Pass it to the next step, and store it in checkpoints. */
  readonly state: OptimizerState;
}

/** One vector on its way through the core: the address of its tile, its old values, and the new ones if it changes. */
interface Lane {
  readonly name: 'model' | 'delta' | StateVector;
  readonly address: number;
  /** Zeros if absent. */
  readonly from: Float32Array | undefined;
  readonly into: Float32Array | undefined;
}

/**
 * Takes one step of a server optimizer: model and Δ in, the next model and state out.
 *
 * The arithmetic is float32 in a fixed order, with the same bits on every host. It uses 256 KiB of the engine's memory,
 * however long the model is. Inputs are not written to, and must not change before the promise settles.
 *
 * @param model d float32
 * @param delta aggregate − model, d float32
 * @param optimizer from its factory (`fedAdam({ eta: 0.1 })`), or by name from `optimizer`
 * @param state the state that the previous step returned; omit it in the first step
 * @returns new arrays
 * @throws QuorateError BAD_TYPE, EMPTY_INPUT, BAD_SHAPE, INVALID_PARAMETER, UNKNOWN_PARAMETER, NON_FINITE,
 *   NON_FINITE_RESULT, MEMORY_LIMIT, ENGINE_DISPOSED
 * @example
 * const adam = fedAdam({ eta: 0.1 });
 * let { model, state } = await optimize(start, delta, adam);
 * ({ model, state } = await optimize(model, nextDelta, adam, state));
 */
export async function optimize(
  model: Float32Array,
  delta: Float32Array,
  optimizer: ServerOptimizer,
  state?: OptimizerState,
  options: OptimizeOptions = {},
): Promise<OptimizeResult> {
  requireVector(model, 'model');
  requireVectorOf(model.length, delta, 'delta');
  requireOptimizer(optimizer);
  if (state !== undefined) requireState(state, optimizer, model.length);
  refuseUnknown('optimize', options, ['engine']);
  const { engine = defaultEngine() } = options;
  return engine.exclusive((session) => run(session, model, delta, optimizer, state));
}

function run(
  { core, arena }: EngineSession,
  model: Float32Array,
  delta: Float32Array,
  optimizer: ServerOptimizer,
  state: OptimizerState | undefined,
): OptimizeResult {
  const d = model.length;
  const step = (state?.step ?? 0) + 1;
  const tileColumns = Math.min(paddedColumns(d), SEGMENT_COLUMNS);
  const allocation = new Allocation(arena);
  try {
    const tile = {
      model: allocation.take(tileColumns * 4),
      delta: allocation.take(tileColumns * 4),
      momentum: 0,
      variance: 0,
    };
    const nextModel = new Float32Array(d);
    const vectors: Partial<Record<StateVector, Float32Array>> = {};
    const lanes: Lane[] = [
      { name: 'model', address: tile.model, from: model, into: nextModel },
      { name: 'delta', address: tile.delta, from: delta, into: undefined },
    ];
    for (const name of optimizer.state) {
      const into = (vectors[name] = new Float32Array(d));
      tile[name] = allocation.take(tileColumns * 4);
      lanes.push({ name, address: tile[name], from: state?.vectors[name], into });
    }

    const kernel = optimizer.kernel(core, step);
    for (let column = 0; column < d; column += tileColumns) {
      const count = Math.min(tileColumns, d - column);
      const columns = paddedColumns(count);
      for (const { address, from } of lanes) {
        const view = arena.f32(address, columns);
        if (from) view.set(from.subarray(column, column + count));
        view.fill(0, from ? count : 0);
      }
      if (kernel({ ...tile, columns }) !== 0) refuse(lanes);
      for (const { address, into } of lanes) into?.set(arena.f32(address, count), column);
    }
    return { model: nextModel, state: { step, vectors } };
  } finally {
    allocation.releaseAll();
  }
}

/** Finds the reason for which a kernel refused its tile. @throws QuorateError always */
function refuse(lanes: readonly Lane[]): never {
  for (const { name, from } of lanes) {
    if (!from) continue;
    refuseNonFinite(from, name);
    if (name === 'variance') refuseNegative(from);
  }
  throw new QuorateError('NON_FINITE_RESULT', 'the next model, or the state, overflows float32');
}

function refuseNegative(variance: Float32Array): void {
  const index = variance.findIndex((value) => value < 0);
  if (index < 0) return;
  throw new QuorateError('INVALID_PARAMETER', `variance: entry ${index} is negative`, {
    parameter: 'state',
    index,
  });
}

function requireOptimizer(optimizer: ServerOptimizer): void {
  if (optimizer !== null && typeof optimizer === 'object' && optimizer.stage === 'optimizer') return;
  throw new QuorateError(
    'BAD_TYPE',
    'optimizer must come from a factory such as fedAvg, or from optimizer(name)',
  );
}

/** Checks that a state fits an optimizer. @throws QuorateError BAD_TYPE, BAD_SHAPE, INVALID_PARAMETER, UNKNOWN_PARAMETER */
export function requireState(state: OptimizerState, optimizer: ServerOptimizer, d: number): void {
  refuseUnknown('state', state, ['step', 'vectors']);
  if (!Number.isSafeInteger(state.step) || state.step < 0) {
    throw new QuorateError(
      'INVALID_PARAMETER',
      `state: step must be an integer of at least 0; got ${String(state.step)}`,
      {
        parameter: 'step',
        value: state.step,
      },
    );
  }
  refuseUnknown('state.vectors', state.vectors, stateVectors);
  for (const name of stateVectors) {
    const vector = state.vectors[name];
    if (optimizer.state.includes(name)) requireVectorOf(d, vector, name);
    else if (vector !== undefined) {
      throw new QuorateError(
        'BAD_SHAPE',
        `state: ${optimizer.name} keeps no ${name}; this state belongs to another optimizer`,
        {
          optimizer: optimizer.name,
          vector: name,
        },
      );
    }
  }
}
