/**
 * The library's rules by name, beside the reference's. A stage is a name with parameters; the same literal makes the
 * library's pipeline and the reference's result.
 */
import {
  aggregate,
  arc,
  bucketing,
  bulyan,
  caf,
  centeredClipping,
  cge,
  clipping,
  geometricMedian,
  krum,
  mda,
  mean,
  meamed,
  median,
  monna,
  multiKrum,
  nnm,
  phocas,
  pipeline,
  signVote,
  smea,
  trimmedMean,
} from '../../src/index.js';
import {
  reference,
  referenceRows,
  type PreaggregatorName,
  type ReferenceParameters,
  type RuleName,
} from './reference.js';
import type { Rows } from './reference/vectors.js';

export const rules = {
  mean,
  median,
  'trimmed-mean': trimmedMean,
  meamed,
  phocas,
  'sign-vote': signVote,
  krum,
  'multi-krum': multiKrum,
  bulyan,
  mda,
  monna,
  'geometric-median': geometricMedian,
  'centered-clipping': centeredClipping,
  cge,
  caf,
  smea,
};

export const preaggregators = { nnm, bucketing, clipping, arc };

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

/** What the reference makes of them. */
export function expected(updates: readonly Float32Array[], ...stages: Stages): number[] {
  let rows: Rows = updates.map((update) => Array.from(update));
  for (const [name, parameters] of stages.slice(0, -1) as readonly Before[]) {
    rows = referenceRows(rows, name, parameters);
  }
  const [name, parameters] = stages.at(-1) as Last;
  return reference(rows, name, parameters);
}

/** The stages in words; none for none. */
export const title = (stages: readonly (Before | Last)[]): string =>
  stages.map(([name, parameters = {}]) => `${name} ${JSON.stringify(parameters)}`).join(' > ');
