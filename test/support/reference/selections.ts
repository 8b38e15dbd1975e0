/** The rules that choose rows and average them. Every subset search is brute force, in lexicographic order. */
import { meamed } from './columns.js';
import { topSpread } from './eigen.js';
import type { Bounded } from './parameters.js';
import {
  ascending,
  nearest,
  norm,
  pick,
  squaredDistances,
  subsets,
  weightedMean,
  type Rows,
} from './vectors.js';

/** Krum's score of each of the `rows`: the sum of squared distances to its nearest `neighbors` other rows. */
function krumScores(distances: Rows, among: readonly number[], neighbors: number): number[] {
  return among.map((i) => {
    const others = among.filter((j) => j !== i).map((j) => distances[i]![j]);
    return Float64Array.from(others)
      .sort()
      .subarray(0, neighbors)
      .reduce((sum, distance) => sum + distance, 0);
  });
}

const everyIndex = (rows: Rows): number[] => rows.map((_, i) => i);

export const krum = (rows: Rows, parameters: Bounded): number[] => multiKrum(rows, { ...parameters, m: 1 });

export function multiKrum(
  rows: Rows,
  { f, m = rows.length - f, neighbors = rows.length - f - 2 }: Bounded,
): number[] {
  const scores = krumScores(squaredDistances(rows), everyIndex(rows), neighbors);
  return weightedMean(pick(rows, ascending(scores).slice(0, m)));
}

/**
 * θ = n − 2f rows by Krum, the winner leaving each time; then per coordinate the θ − 2f values about the median.
 * With r rows left Krum counts r − f − 2 neighbors, but never fewer than one.
 */
export function bulyan(rows: Rows, { f }: Bounded): number[] {
  const distances = squaredDistances(rows);
  const theta = rows.length - 2 * f;
  let left = everyIndex(rows);
  const selected: number[] = [];
  while (selected.length < theta) {
    const scores = krumScores(distances, left, Math.max(1, left.length - f - 2));
    const winner = left[ascending(scores)[0]!]!;
    selected.push(winner);
    left = left.filter((i) => i !== winner);
  }
  return meamed(pick(rows, selected), { f: 2 * f });
}

/** The subset of n − f rows for which `spread` is least: the first one, where several are. */
function tightest(rows: Rows, f: number, spread: (subset: readonly number[]) => number): number[] {
  let best: number[] = [];
  let least = Infinity;
  for (const subset of subsets(rows.length, rows.length - f)) {
    const value = spread(subset);
    if (value < least) [best, least] = [subset, value];
  }
  return weightedMean(pick(rows, best));
}

export function mda(rows: Rows, { f }: Bounded): number[] {
  const distances = squaredDistances(rows);
  return tightest(rows, f, (subset) => {
    let diameter = 0;
    for (const i of subset) for (const j of subset) diameter = Math.max(diameter, distances[i]![j]!);
    return diameter;
  });
}

export const smea = (rows: Rows, { f }: Bounded): number[] =>
  tightest(rows, f, (subset) => topSpread(pick(rows, subset)).lambda);

export const monna = (rows: Rows, { f, pivot = 0 }: Bounded): number[] =>
  weightedMean(pick(rows, nearest(squaredDistances(rows), pivot, f)));

export const cge = (rows: Rows, { f }: Bounded): number[] =>
  weightedMean(pick(rows, ascending(rows.map(norm)).slice(0, rows.length - f)));
