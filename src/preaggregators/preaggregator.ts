/**
 * Pre-aggregators: n points become n' points, each a linear combination of the former. Like a linear rule, one needs
 * only distances; the data is combined once, by the rule's weights, or a tile at a time in front of a
 * coordinate-wise rule.
 */
import type { z } from 'zod';
import type { Geometry } from '../core/geometry.js';
import { parseParameters } from '../core/validation.js';
import { checkStage, type Definition, type Given, restrictParameters, type Stage } from '../rules/rule.js';

interface PreaggregatorDefinition<S extends z.ZodObject> extends Definition<S> {
  /** False if the combinations don't depend on the updates. */
  readonly needsDistances: boolean;
  /** Whether points are scaled, so that the origin takes part in the combinations. */
  readonly scales?: boolean;
  /** How many points there are afterwards. */
  readonly outputs: (n: number, parameters: z.output<S>) => number;
  /** Weights over the points, for each new point; none is negative, and none sum to more than 1. */
  readonly combine: (geometry: Geometry, parameters: z.output<S>) => readonly Float64Array[];
}

/** A pre-aggregator with its parameters. */
export interface Preaggregator extends Stage {
  readonly stage: 'preaggregator';
  readonly needsDistances: boolean;
  readonly scales: boolean;
  readonly outputs: (n: number) => number;
  readonly combine: (geometry: Geometry) => readonly Float64Array[];
  readonly restrict: (kept: readonly number[], lost: number) => Preaggregator;
}

/** Makes a pre-aggregator from its parameters, and describes it. */
export interface PreaggregatorFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: Given<S>): Preaggregator;
  readonly definition: Definition<S>;
  readonly kind: 'pre-aggregator';
  /** The same, from parameters of unknown origin. */
  readonly from: (parameters: unknown) => Preaggregator;
}

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
    outputs: (n) => definition.outputs(n, parameters),
    combine: (geometry) => definition.combine(geometry, parameters),
    restrict: (kept, lost) => configure(restrictParameters(definition, parameters, kept, lost)),
  });
  const from = (given: unknown) => configure(parseParameters(definition.name, definition.parameters, given));
  return Object.assign((...given: Given<S>) => from(given[0]), {
    definition,
    kind: 'pre-aggregator' as const,
    from,
  });
}

/** One point's weights where it is only scaled. */
export function scaled(n: number, i: number, factor: number): Float64Array {
  const weights = new Float64Array(n);
  weights[i] = factor;
  return weights;
}
