/** The pre-aggregators: rows to rows. */
import { mulberry32 } from '../random.js';
import type { Bounded, ReferenceParameters } from './parameters.js';
import {
  ascending,
  nearest,
  norm,
  pick,
  scaled,
  squaredDistances,
  weightedMean,
  type Rows,
} from './vectors.js';

/** Each row becomes the mean of its n − f nearest, itself included. */
export function nnm(rows: Rows, { f }: Bounded): Rows {
  const distances = squaredDistances(rows);
  return rows.map((_, i) => weightedMean(pick(rows, nearest(distances, i, f))));
}

/** Fisher–Yates from the end: i = n − 1 … 1 changes places with ⌊u·(i + 1)⌋. */
export function permutation(n: number, seed: number): number[] {
  const next = mulberry32(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i >= 1; i--) {
    const j = Math.floor((next() / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Means of groups of s rows in a seeded order; the last group may be shorter. */
export function bucketing(rows: Rows, { s = NaN, seed = NaN }: ReferenceParameters): Rows {
  const order = permutation(rows.length, seed);
  const groups: Rows[] = [];
  for (let from = 0; from < rows.length; from += s) groups.push(pick(rows, order.slice(from, from + s)));
  return groups.map((group) => weightedMean(group));
}

function clip(row: readonly number[], limit: number): readonly number[] {
  const length = norm(row);
  return length <= limit ? row : scaled(row, limit / length);
}

export const clipping = (rows: Rows, { c = NaN }: ReferenceParameters): Rows =>
  rows.map((row) => clip(row, c));

/** The ⌊2(f/n)(n − f)⌋ rows of largest norm are clipped to the norm of the next largest. */
export function arc(rows: Rows, { f }: Bounded): Rows {
  const n = rows.length;
  const clipped = Math.floor((2 * f * (n - f)) / n);
  const norms = rows.map(norm);
  const limit = norms[ascending(norms)[n - clipped - 1]!]!;
  return clipping(rows, { c: limit });
}
