/**
 * Pre-aggregators turn n points into n' points, each a linear combination of the originals. Like a linear rule, a
 * pre-aggregator needs only distances. The data itself is combined once: by the rule's weights, or tile by tile in
 * front of a coordinate-wise rule.
 */
import type * as z from 'zod';
import type { Geometry } from '../core/geometry.js';
import { parseParameters } from '../core/validation.js';
import {
  checkStage,
  type Definition,
  type FactoryArguments,
  restrictParameters,
  type Stage,
} from '../rules/rule.js';

interface PreaggregatorDefinition<S extends z.ZodObject> extends Definition<S> {
  /** False if the combinations don't depend on the updates. */
  readonly needsDistances: boolean;
  /** Whether it scales points, so that the origin takes part in the combinations. */
  readonly scales?: boolean;
  /** Whether the order of the points decides what it makes of them. */
  readonly ordered?: boolean;
  /** The number of points it produces. */
  readonly outputs: (n: number, parameters: z.output<S>) => number;
  /** For each new point, its weights over the points: not negative, with a sum of at most 1. */
  readonly combine: (geometry: Geometry, parameters: z.output<S>) => readonly Float64Array[];
}

/** A pre-aggregator with its parameters: turns n updates into n'. Made by a factory such as `nnm`; a `pipeline` stage. */
export interface Preaggregator extends Stage {
  /** Tells pre-aggregators from rules and pipelines. */
  readonly stage: 'preaggregator';
  /** @internal */
  readonly needsDistances: boolean;
  /** @internal */
  readonly scales: boolean;
  /** @internal */
  readonly ordered: boolean;
  /** The number of updates that it makes of n. */
  readonly outputs: (n: number) => number;
  /** @internal */
  readonly combine: (geometry: Geometry) => readonly Float64Array[];
  /** @internal */
  readonly restrict: (kept: readonly number[], lost: number) => Preaggregator;
}

/** Makes pre-aggregators of one kind from their parameters, such as `nnm({ f: 2 })`. */
export interface PreaggregatorFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: FactoryArguments<S>): Preaggregator;
  /** @internal */
  readonly definition: Definition<S>;
  /** As `rules()` lists it. */
  readonly kind: 'pre-aggregator';
  /** Makes the pre-aggregator from parameters that are not yet checked, from a configuration file for instance. */
  readonly from: (parameters: unknown) => Preaggregator;
}

/** Defines a pre-aggregator. */
export function preaggregator<S extends z.ZodObject>(
  definition: PreaggregatorDefinition<S>,
): PreaggregatorFactory<S> {
  const configure = (parameters: z.output<S>): Preaggregator => ({
    stage: 'preaggregator',
    name: definition.name,
    parameters: Object.freeze({ ...parameters }),
    check: (n) => {
      checkStage(definition, parameters, n);
    },
    needsDistances: definition.needsDistances,
    scales: definition.scales ?? false,
    ordered: definition.ordered ?? false,
    outputs: (n) => definition.outputs(n, parameters),
    combine: (geometry) => definition.combine(geometry, parameters),
    restrict: (kept, lost) => configure(restrictParameters(definition, parameters, kept, lost)),
  });
  const from = (given: unknown) => configure(parseParameters(definition.name, definition.parameters, given));
  return Object.assign((...given: FactoryArguments<S>) => from(given[0]), {
    definition,
    kind: 'pre-aggregator' as const,
    from,
  });
}

/** The weights of point i scaled by a factor. */
export function scaled(n: number, i: number, factor: number): Float64Array {
  const weights = new Float64Array(n);
  weights[i] = factor;
  return weights;
}
