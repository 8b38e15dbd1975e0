/**
 * A server optimizer turns the change Δ = aggregate − model into the next model. It has parameters, at most two
 * vectors of state as long as the model, and counts its steps; the arithmetic is a kernel's, in float32.
 */
import type { z } from 'zod';
import type { CoreExports } from '../../bindings/abi.js';
import { parseParameters } from '../core/validation.js';
import type { Given } from '../rules/rule.js';

/** The vectors that an optimizer may keep from step to step. */
export const stateVectors = ['momentum', 'variance'] as const;
export type StateVector = (typeof stateVectors)[number];

/** What is to be kept between steps, a checkpoint's share: plain data. */
export interface OptimizerState {
  /** Steps taken so far. */
  readonly step: number;
  /** As long as the model; those that the optimizer has. */
  readonly vectors: Readonly<Partial<Record<StateVector, Float32Array>>>;
}

/** Columns of the vectors in the core's memory, by address; what the optimizer doesn't keep is at 0. */
export interface OptimizerTile {
  readonly model: number;
  readonly delta: number;
  readonly momentum: number;
  readonly variance: number;
  /** A multiple of 16. */
  readonly columns: number;
}

/** Updates a tile in place. Returns 0, or another number if the tile held or now holds what it must not. */
export type OptimizerKernel = (tile: OptimizerTile) => number;

export interface OptimizerDefinition<S extends z.ZodObject = z.ZodObject> {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly source: string;
  readonly parameters: S;
  readonly state: readonly StateVector[];
  /** @param step counts from 1 */
  readonly kernel: (core: CoreExports, parameters: z.output<S>, step: number) => OptimizerKernel;
}

/** An optimizer with its parameters: what `optimize` takes. It keeps no state of its own. */
export interface ServerOptimizer {
  readonly stage: 'optimizer';
  readonly name: string;
  /** All of them, the defaults filled in. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly state: readonly StateVector[];
  readonly kernel: (core: CoreExports, step: number) => OptimizerKernel;
}

/** Makes an optimizer from its parameters, and describes it. */
export interface OptimizerFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: Given<S>): ServerOptimizer;
  readonly definition: OptimizerDefinition<S>;
  /** The same, from parameters of unknown origin. */
  readonly from: (parameters: unknown) => ServerOptimizer;
}

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
      kernel: (core: CoreExports, step: number) => definition.kernel(core, parameters, step),
    });
  };
  return Object.assign((...given: Given<S>) => from(given[0]), { definition, from });
}
