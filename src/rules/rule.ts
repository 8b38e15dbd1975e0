/**
 * The two kinds of rule.
 *
 * A *coordinate-wise* rule selects from each sorted column, or counts signs in it. A *linear* rule returns
 * Σ w_i x_i, with weights that follow from the distances between the updates alone. So a rule is a few lines:
 * what it is called, what it needs, and either its selection or its weights; no rule touches the data itself.
 */
import type { z } from 'zod';
import type { Geometry } from '../core/geometry.js';
import type { ColumnSelection } from '../core/selectionNetwork/selection.js';
import { parseParameters } from '../core/validation.js';
import type { Cooperative } from '../core/cooperative.js';
import { QuorateError } from '../errors.js';

/** What both kinds, and pre-aggregators, say of themselves. */
export interface Definition<S extends z.ZodObject = z.ZodObject> {
  /** In kebab-case, as configuration files name it. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly source: string;
  readonly parameters: S;
  /** For readers: 'n > 2f'. */
  readonly constraint: string;
  /** For the check: the least n that satisfies the constraint. */
  readonly minUpdates: (parameters: z.output<S>) => number;
  /** Anything else that n decides, a number of neighbors say. @throws QuorateError */
  readonly check?: (n: number, parameters: z.output<S>) => void;
  /** The parameters once only the rows `kept` (in order) are left and each lost one has lowered f by one. */
  readonly restrict?: (parameters: z.output<S>, kept: readonly number[]) => z.output<S>;
}

/** What a coordinate-wise rule does with a column. */
export type Column = ColumnSelection | { readonly kind: 'sign-vote'; readonly step: number };

export interface CoordinateDefinition<S extends z.ZodObject> extends Definition<S> {
  readonly column: (n: number, parameters: z.output<S>) => Column;
  /** Which points it works on, if not on all: their indices, from the distances. */
  readonly choose?: (geometry: Geometry, parameters: z.output<S>) => readonly number[];
}

export interface LinearDefinition<S extends z.ZodObject> extends Definition<S> {
  /** False if the weights don't depend on the updates at all. */
  readonly needsDistances: boolean;
  /** Whether it measures distances to combinations of the points, and not only between the points. */
  readonly combines?: boolean;
  /** A further row that the geometry is to know, after the updates: a former aggregate. */
  readonly anchor?: (parameters: z.output<S>) => Float32Array | undefined;
  /** Weights over the geometry's points and, last, its anchor if the rule has one; in steps where it may take long. */
  readonly weights: (geometry: Geometry, parameters: z.output<S>) => Float64Array | Cooperative<Float64Array>;
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
  readonly rowWeights: (geometry: Geometry) => Cooperative<Float64Array>;
}

/** What rules and pre-aggregators have in common once their parameters are known. */
export interface Stage {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** @throws QuorateError TOO_FEW_UPDATES, INVALID_PARAMETER, SEARCH_TOO_LARGE */
  readonly check: (n: number) => void;
}

/** A rule with its parameters: what `aggregate` takes. */
export interface Rule extends Stage {
  readonly stage: 'rule';
  readonly work: Coordinates | Linear;
  readonly restrict: (kept: readonly number[], lost: number) => Rule;
}

/** A factory's argument: it may be left out where every parameter has a default. */
export type Given<S extends z.ZodObject> =
  Record<never, never> extends z.input<S> ? [parameters?: z.input<S>] : [parameters: z.input<S>];

/** Makes a rule from its parameters, and describes it. */
export interface RuleFactory<S extends z.ZodObject = z.ZodObject> {
  /** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
  (...given: Given<S>): Rule;
  readonly definition: Definition<S>;
  readonly kind: 'coordinate-wise' | 'linear';
  /** The same, from parameters of unknown origin. */
  readonly from: (parameters: unknown) => Rule;
}

/** @throws QuorateError TOO_FEW_UPDATES, and what the definition's own check throws */
export function checkStage<S extends z.ZodObject>(
  definition: Definition<S>,
  parameters: z.output<S>,
  n: number,
): void {
  const least = definition.minUpdates(parameters);
  if (n < least) {
    throw new QuorateError(
      'TOO_FEW_UPDATES',
      `${definition.name} needs ${definition.constraint}: ${least} updates at least for these parameters; there are ${n}`,
      { rule: definition.name, n, minUpdates: least, constraint: definition.constraint },
    );
  }
  definition.check?.(n, parameters);
}

/** Parameters after `lost` updates proved to be Byzantine: each lowers f, though not below 0. */
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
  return Object.assign((...given: Given<S>) => from(given[0]), { definition, kind, from });
}

/** A rule that works on each column by itself. */
export function coordinateRule<S extends z.ZodObject>(definition: CoordinateDefinition<S>): RuleFactory<S> {
  const { choose } = definition;
  return ruleFactory(definition, 'coordinate-wise', (parameters) => ({
    kind: 'coordinate',
    column: (n) => definition.column(n, parameters),
    choose: choose && ((geometry) => choose(geometry, parameters)),
  }));
}

/** A rule that is a weighted sum of the updates. */
export function linearRule<S extends z.ZodObject>(definition: LinearDefinition<S>): RuleFactory<S> {
  return ruleFactory(definition, 'linear', (parameters) => ({
    kind: 'linear',
    needsDistances: definition.needsDistances,
    combines: definition.combines ?? false,
    anchor: definition.anchor?.(parameters),
    *rowWeights(geometry) {
      const weights = definition.weights(geometry, parameters);
      return geometry.rowWeights(weights instanceof Float64Array ? weights : yield* weights);
    },
  }));
}
