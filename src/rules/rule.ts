/**
 * The two kinds of rule.
 *
 * A *coordinate-wise* rule selects from each sorted column, or counts signs in it. A *linear* rule returns Σ w_i x_i,
 * with weights that depend only on the distances between the updates. So a rule is a few lines: its name, its
 * preconditions, and either its selection or its weights. No rule touches the data itself.
 */
import type * as z from 'zod';
import type { Geometry } from '../core/geometry.js';
import type { Column } from '../core/tileWork.js';
import { parseParameters } from '../core/validation.js';
import type { Cooperative } from '../core/cooperative.js';
import { QuorateError } from '../errors.js';

/** The description that both kinds of rule share with pre-aggregators. */
export interface Definition<S extends z.ZodObject = z.ZodObject> {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly source: string;
  readonly parameters: S;
  /** For readers, on the number of updates: 'n > 2f'. */
  readonly constraint: string;
  /** The least n that satisfies the constraint. */
  readonly minUpdates: (parameters: z.output<S>) => number;
  /** Checks whatever else depends on n, such as a number of neighbors. @throws QuorateError */
  readonly check?: (n: number, parameters: z.output<S>) => void;
  /** The parameters after all rows but `kept` (in order) were excluded. f is lowered elsewhere. */
  readonly restrict?: (parameters: z.output<S>, kept: readonly number[]) => z.output<S>;
}

export interface CoordinateDefinition<S extends z.ZodObject> extends Definition<S> {
  readonly column: (n: number, parameters: z.output<S>) => Column;
  /** The indices of the points that it works on, from the distances; absent if it works on all. */
  readonly choose?: (geometry: Geometry, parameters: z.output<S>) => readonly number[];
}

export interface LinearDefinition<S extends z.ZodObject> extends Definition<S> {
  /** False if the weights don't depend on the updates. */
  readonly needsDistances: boolean;
  /** Whether it measures distances to combinations of the points, not only between points. */
  readonly combines?: boolean;
  /** One more row of the geometry, after the updates: the previous aggregate. */
  readonly anchor?: (parameters: z.output<S>) => Float32Array | undefined;
  /** Weights of the geometry's points and, last, of the anchor if the rule has one. A generator if it may take long. */
  readonly weights: (
    geometry: Geometry,
    parameters: z.output<S>,
  ) => Float64Array | Cooperative<Float64Array | Weighting>;
}

/** How close an iteration came to its optimum; goes into the report. */
export interface Proof {
  readonly converged: boolean;
  readonly gap: number;
}

/** Weights, and the proof of a rule that iterates toward an optimum. */
export interface Weighting {
  readonly weights: Float64Array;
  readonly proof?: Proof;
}

interface Coordinates {
  readonly kind: 'coordinate';
  readonly column: (n: number) => Column;
  readonly choose: ((geometry: Geometry) => readonly number[]) | undefined;
}

interface Linear {
  readonly kind: 'linear';
  readonly needsDistances: boolean;
  readonly combines: boolean;
  readonly anchor: Float32Array | undefined;
  readonly rowWeights: (geometry: Geometry) => Cooperative<Weighting>;
}

/** A rule or pre-aggregator with its parameters. */
export interface Stage {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** All parameters, with defaults filled in. Frozen. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /**
   * Checks that n updates suffice for these parameters. `aggregate` calls it before any work.
   *
   * @throws QuorateError TOO_FEW_UPDATES, INVALID_PARAMETER, SEARCH_TOO_LARGE, ZERO_WEIGHT
   */
  readonly check: (n: number) => void;
}

/** A rule with its parameters: turns n updates into one. Made by a factory such as `krum`; taken by `aggregate`. */
export interface Rule extends Stage {
  /** Tells rules from pre-aggregators and pipelines. */
  readonly stage: 'rule';
  /** @internal */
  readonly work: Coordinates | Linear;
  /** @internal */
  readonly restrict: (kept: readonly number[], lost: number) => Rule;
}

/** The arguments of a factory whose parameters have the schema S: none are needed if every parameter has a default. */
export type FactoryArguments<S extends z.ZodObject> =
  Record<never, never> extends z.input<S> ? [parameters?: z.input<S>] : [parameters: z.input<S>];

/** Makes rules of one kind from their parameters, such as `trimmedMean({ f: 2 })`. */
export interface RuleFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: FactoryArguments<S>): Rule;
  /** @internal */
  readonly definition: Definition<S>;
  /** How the rule works: column by column, or by a weight for each update. */
  readonly kind: 'coordinate-wise' | 'linear';
  /** Makes the rule from parameters that are not yet checked, from a configuration file for instance. */
  readonly from: (parameters: unknown) => Rule;
}

/** @throws QuorateError TOO_FEW_UPDATES, and whatever the definition's own check throws */
export function checkStage<S extends z.ZodObject>(
  definition: Definition<S>,
  parameters: z.output<S>,
  n: number,
): void {
  const least = definition.minUpdates(parameters);
  if (n < least) {
    throw new QuorateError(
      'TOO_FEW_UPDATES',
      `${definition.name} needs ${definition.constraint}: at least ${least} updates for these parameters; got ${n}`,
      { rule: definition.name, n, minUpdates: least, constraint: definition.constraint },
    );
  }
  definition.check?.(n, parameters);
}

/** The parameters after `lost` updates proved to be Byzantine: each lowers f by one, but not below 0. */
export function restrictParameters<S extends z.ZodObject>(
  definition: Definition<S>,
  parameters: z.output<S>,
  kept: readonly number[],
  lost: number,
): z.output<S> {
  const own = definition.restrict?.(parameters, kept) ?? parameters;
  const { f } = own as { f?: number };
  return f === undefined ? own : { ...own, f: Math.max(0, f - lost) };
}

function ruleFactory<S extends z.ZodObject>(
  definition: Definition<S>,
  kind: 'coordinate-wise' | 'linear',
  work: (parameters: z.output<S>) => Rule['work'],
): RuleFactory<S> {
  const configure = (parameters: z.output<S>): Rule => ({
    stage: 'rule',
    name: definition.name,
    parameters: Object.freeze({ ...parameters }),
    check: (n) => {
      checkStage(definition, parameters, n);
    },
    work: work(parameters),
    restrict: (kept, lost) => configure(restrictParameters(definition, parameters, kept, lost)),
  });
  const from = (given: unknown) => configure(parseParameters(definition.name, definition.parameters, given));
  return Object.assign((...given: FactoryArguments<S>) => from(given[0]), { definition, kind, from });
}

/** Defines a rule that works on each column separately. */
export function coordinateRule<S extends z.ZodObject>(definition: CoordinateDefinition<S>): RuleFactory<S> {
  const { choose } = definition;
  return ruleFactory(definition, 'coordinate-wise', (parameters) => ({
    kind: 'coordinate',
    column: (n) => definition.column(n, parameters),
    choose: choose && ((geometry) => choose(geometry, parameters)),
  }));
}

/** Defines a rule that is a weighted sum of the updates. */
export function linearRule<S extends z.ZodObject>(definition: LinearDefinition<S>): RuleFactory<S> {
  return ruleFactory(definition, 'linear', (parameters) => ({
    kind: 'linear',
    needsDistances: definition.needsDistances,
    combines: definition.combines ?? false,
    anchor: definition.anchor?.(parameters),
    *rowWeights(geometry) {
      const made = definition.weights(geometry, parameters);
      const found = made instanceof Float64Array ? made : yield* made;
      const weighting = found instanceof Float64Array ? { weights: found } : found;
      return { ...weighting, weights: geometry.rowWeights(weighting.weights) };
    },
  }));
}
