/**
 * An independent float64 reference for every rule and pre-aggregator, by name: what the definitions say, done
 * slowly. It shares no code with the library; only the tests use it.
 */
import { caf, centeredClipping, geometricMedian } from './reference/centers.js';
import { meamed, median, phocas, signVote, trimmedMean } from './reference/columns.js';
import { arc, bucketing, clipping, nnm } from './reference/preaggregators.js';
import { bulyan, cge, krum, mda, monna, multiKrum, smea } from './reference/selections.js';
import { toRows, weightedMean, type Rows } from './reference/vectors.js';

/** The library's own parameters, so that one literal serves both. */
export interface ReferenceParameters {
  readonly f?: number;
  readonly weights?: ArrayLike<number>;
  readonly step?: number;
  readonly neighbors?: number;
  readonly m?: number;
  readonly pivot?: number;
  readonly nu?: number;
  /** With 0 the reference makes exactly `maxIterations` steps; otherwise it goes on until nothing moves any more. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
  readonly iterations?: number;
  readonly tau?: number;
  readonly previous?: ArrayLike<number>;
  readonly s?: number;
  readonly seed?: number;
  readonly c?: number;
}

type Rule = (rows: Rows, parameters: ReferenceParameters & { f: number }) => number[];

const referenceRules = {
  mean: (rows, { weights }) => weightedMean(rows, weights && Array.from(weights)),
  median: (rows) => median(rows),
  'trimmed-mean': (rows, { f }) => trimmedMean(rows, f),
  meamed: (rows, { f }) => meamed(rows, f),
  phocas: (rows, { f }) => phocas(rows, f),
  'sign-vote': (rows, { step = 1 }) => signVote(rows, step),
  krum: (rows, { f, neighbors }) => krum(rows, f, neighbors),
  'multi-krum': (rows, { f, m, neighbors }) => multiKrum(rows, f, m, neighbors),
  bulyan: (rows, { f }) => bulyan(rows, f),
  mda: (rows, { f }) => mda(rows, f),
  monna: (rows, { f, pivot = 0 }) => monna(rows, f, pivot),
  'geometric-median': (rows, { nu = 1e-6, tolerance, maxIterations }) =>
    geometricMedian(rows, nu, tolerance === 0 ? maxIterations : undefined),
  'centered-clipping': (rows, { tau = NaN, iterations, previous }) =>
    centeredClipping(rows, tau, iterations, previous && Array.from(previous)),
  cge: (rows, { f }) => cge(rows, f),
  caf: (rows, { f }) => caf(rows, f),
  smea: (rows, { f }) => smea(rows, f),
} satisfies Record<string, Rule>;

const referencePreaggregators = {
  nnm: (rows, { f }) => nnm(rows, f),
  bucketing: (rows, { s = NaN, seed = NaN }) => bucketing(rows, s, seed),
  clipping: (rows, { c = NaN }) => clipping(rows, c),
  arc: (rows, { f }) => arc(rows, f),
} satisfies Record<string, (rows: Rows, parameters: ReferenceParameters & { f: number }) => Rows>;

export type RuleName = keyof typeof referenceRules;
export type PreaggregatorName = keyof typeof referencePreaggregators;

const withBound = (parameters: ReferenceParameters) => ({ f: 0, ...parameters });

/** The rule's result on these updates. */
export function reference(
  updates: readonly Float32Array[] | Rows,
  name: RuleName,
  parameters: ReferenceParameters = {},
): number[] {
  return referenceRules[name](asRows(updates), withBound(parameters));
}

/** The rows that the pre-aggregator makes of these updates. */
export function referenceRows(
  updates: readonly Float32Array[] | Rows,
  name: PreaggregatorName,
  parameters: ReferenceParameters,
): Rows {
  return referencePreaggregators[name](asRows(updates), withBound(parameters));
}

function asRows(updates: readonly Float32Array[] | Rows): Rows {
  return updates.map((update) => (update instanceof Float32Array ? toRows([update])[0]! : update));
}
