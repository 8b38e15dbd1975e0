/**
 * The library's rules by name, beside the reference's. A stage is a name with parameters; the same literal makes the
 * library's pipeline and the reference's result.
 */
import { aggregate, pipeline } from '../../src/index.js';
import * as preaggregatorRegistry from '../../src/preaggregators/registry.js';
import * as ruleRegistry from '../../src/rules/registry.js';
import type { Kebab, PreaggregatorName, RuleName } from './names.js';
import { reference, referenceRows, type ReferenceParameters } from './reference.js';
import type { Rows } from './reference/vectors.js';

type ByName<Registry> = {
  readonly [Key in keyof Registry & string as Kebab<Key>]: Registry[Key];
};

/** The factories of a registry by the names of what they make. */
function byName<
  Registry extends Readonly<Record<string, { readonly definition: { readonly name: string } }>>,
>(registry: Registry): ByName<Registry> {
  const entries = Object.values(registry).map((factory) => [factory.definition.name, factory]);
  return Object.fromEntries(entries) as ByName<Registry>;
}

export const rules = byName(ruleRegistry);
export const preaggregators = byName(preaggregatorRegistry);

export type Parameters = ReferenceParameters;
export type Before = readonly [PreaggregatorName, Parameters];
export type Last = readonly [RuleName, Parameters?];
/** Pre-aggregators in order, then a rule. */
export type Stages = readonly [...Before[], Last];

/** The pipeline of the library that these stages name. */
export function build(...stages: Stages) {
  const before = stages.slice(0, -1) as readonly Before[];
  const [name, parameters = {}] = stages.at(-1) as Last;
  // The literal's type is the union of all parameters; which of them this rule takes is the library's to check.
  const last = rules[name](parameters as never);
  return pipeline(...before.map(([stage, its]) => preaggregators[stage](its as never)), last);
}

/** What the library makes of the updates. */
export async function actual(updates: readonly Float32Array[], ...stages: Stages): Promise<Float32Array> {
  return (await aggregate([...updates], build(...stages), { report: 'brief' })).value;
}

/**
 * The updates by their values, since the reference takes the first of rows that tie. A pivot moves along; where
 * stages name other places, everything stays.
 */
function byContent(updates: readonly Float32Array[], stages: Stages): [readonly Float32Array[], Stages] {
  const last = stages.at(-1) as Last;
  if (last[1]?.weights || stages.some(([name]) => name === 'bucketing')) return [updates, stages];
  const different = (a: Float32Array, b: Float32Array) => {
    const k = a.findIndex((entry, at) => entry !== b[at]);
    return k < 0 ? 0 : a[k]! - b[k]!;
  };
  const order = updates.map((_, i) => i);
  order.sort((i, j) => different(updates[i]!, updates[j]!) || i - j);
  const sorted = order.map((i) => updates[i]!);
  if (last[0] !== 'monna') return [sorted, stages];
  const pivot = order.indexOf(last[1]?.pivot ?? 0);
  return [sorted, [...(stages.slice(0, -1) as Before[]), [last[0], { ...last[1], pivot }]]];
}

/** What the reference makes of them. */
export function expected(updates: readonly Float32Array[], ...given: Stages): number[] {
  const [ordered, stages] = byContent(updates, given);
  let rows: Rows = ordered.map((update) => Array.from(update));
  for (const [name, parameters] of stages.slice(0, -1) as readonly Before[]) {
    rows = referenceRows(rows, name, parameters);
  }
  const [name, parameters] = stages.at(-1) as Last;
  return reference(rows, name, parameters);
}

/** The stages in words; none for none. */
export const title = (stages: readonly (Before | Last)[]): string =>
  stages.map(([name, parameters = {}]) => `${name} ${JSON.stringify(parameters)}`).join(' > ');
