/**
 * An independent float64 reference for every rule and pre-aggregator: what the definitions say, done slowly. It shares no
 * code with the library; only the tests use it. A reference has the name of the factory in its registry, and one that is
 * missing does not compile.
 */
import type * as preaggregatorRegistry from '../../src/preaggregators/registry.js';
import type * as ruleRegistry from '../../src/rules/registry.js';
import { exportNameOf, type PreaggregatorName, type RuleName } from './names.js';
import * as centers from './reference/centers.js';
import * as columns from './reference/columns.js';
import type { Bounded, ReferenceParameters } from './reference/parameters.js';
import * as preaggregators from './reference/preaggregators.js';
import * as selections from './reference/selections.js';
import { toRows, type Rows } from './reference/vectors.js';

export type { ReferenceParameters };

type Reference<Result> = (rows: Rows, parameters: Bounded) => Result;

const referenceRules: Readonly<Record<keyof typeof ruleRegistry, Reference<number[]>>> = {
  ...columns,
  ...selections,
  ...centers,
};
const referencePreaggregators: Readonly<Record<keyof typeof preaggregatorRegistry, Reference<Rows>>> =
  preaggregators;

const withBound = (parameters: ReferenceParameters) => ({ f: 0, ...parameters });

/** The rule's result on these updates. */
export function reference(
  updates: readonly Float32Array[] | Rows,
  name: RuleName,
  parameters: ReferenceParameters = {},
): number[] {
  return referenceRules[exportNameOf(name)](asRows(updates), withBound(parameters));
}

/** The rows that the pre-aggregator makes of these updates. */
export function referenceRows(
  updates: readonly Float32Array[] | Rows,
  name: PreaggregatorName,
  parameters: ReferenceParameters,
): Rows {
  return referencePreaggregators[exportNameOf(name)](asRows(updates), withBound(parameters));
}

function asRows(updates: readonly Float32Array[] | Rows): Rows {
  return updates.map((update) => (update instanceof Float32Array ? toRows([update])[0]! : update));
}
