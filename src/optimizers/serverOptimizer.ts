/**
 * A server optimizer turns the change Δ = aggregate − model into the next model. It has parameters, up to two state
 * vectors as long as the model, and a step count. A kernel does the arithmetic, in float32.
 */
import type * as z from 'zod';
import type { CoreExports } from '../../bindings/abi.js';
import { parseParameters } from '../core/validation.js';
import type { FactoryArguments } from '../rules/rule.js';

/** The vectors that an optimizer may keep from step to step. */
export const stateVectors = ['momentum', 'variance'] as const;
/** The name of a vector that an optimizer keeps from step to step. */
export type StateVector = (typeof stateVectors)[number];

/** What an optimizer keeps between steps, as plain data. Store it in checkpoints. */
export interface OptimizerState {
  /** Number of steps taken. */
  readonly step: number;
  /** The vectors that the optimizer keeps, each as long as the model. */
  readonly vectors: Readonly<Partial<Record<StateVector, Float32Array>>>;
}

/** Columns of the vectors in the core's memory, by address; 0 for vectors that the optimizer doesn't keep. */
export interface OptimizerTile {
  readonly model: number;
  readonly delta: number;
  readonly momentum: number;
  readonly variance: number;
  /** A multiple of 16. */
  readonly columns: number;
}

/** Updates a tile in place. Returns 0, or another number if an input or a result is not finite, or a variance negative. */
export type OptimizerKernel = (tile: OptimizerTile) => number;

export interface OptimizerDefinition<S extends z.ZodObject = z.ZodObject> {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly source: string;
  readonly parameters: S;
  readonly state: readonly StateVector[];
  /** Of an optimizer without memory: the η of model + η·Δ, which is (1 − η)·model + η·aggregate. */
  readonly share?: (parameters: z.output<S>) => number;
  /** @param step counts from 1 */
  readonly kernel: (core: CoreExports, parameters: z.output<S>, step: number) => OptimizerKernel;
}

/** A server optimizer with its parameters. Made by a factory such as `fedAdam`; taken by `optimize`. Stateless itself. */
export interface ServerOptimizer {
  /** Tells optimizers from rules and pre-aggregators. */
  readonly stage: 'optimizer';
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** All parameters, with defaults filled in. Frozen. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The vectors that it keeps from step to step. */
  readonly state: readonly StateVector[];
  /** @internal */
  readonly share: number | undefined;
  /** @internal */
  readonly kernel: (core: CoreExports, step: number) => OptimizerKernel;
}

/** Makes optimizers of one kind from their parameters, such as `fedAdam({ eta: 0.1 })`. */
export interface OptimizerFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: FactoryArguments<S>): ServerOptimizer;
  /** @internal */
  readonly definition: OptimizerDefinition<S>;
  /** Makes the optimizer from parameters that are not yet checked, from a configuration file for instance. */
  readonly from: (parameters: unknown) => ServerOptimizer;
}

/** Defines a server optimizer. */
export function serverOptimizer<S extends z.ZodObject>(
  definition: OptimizerDefinition<S>,
): OptimizerFactory<S> {
  const from = (given: unknown): ServerOptimizer => {
    const parameters = parseParameters(definition.name, definition.parameters, given);
    return Object.freeze({
      stage: 'optimizer',
      name: definition.name,
      parameters: Object.freeze({ ...parameters }),
      state: definition.state,
      share: definition.share?.(parameters),
      kernel: (core: CoreExports, step: number) => definition.kernel(core, parameters, step),
    });
  };
  return Object.assign((...given: FactoryArguments<S>) => from(given[0]), { definition, from });
}
