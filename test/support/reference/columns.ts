/** The coordinate-wise rules: each column is sorted, then reduced to one number. */
import type { Bounded, ReferenceParameters } from './parameters.js';
import type { Rows } from './vectors.js';

function byColumn(rows: Rows, reduce: (sorted: Float64Array) => number): number[] {
  const column = new Float64Array(rows.length);
  return rows[0]!.map((_, k) => {
    for (let i = 0; i < rows.length; i++) column[i] = rows[i]![k]!;
    return reduce(column.sort());
  });
}

function middle(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function meanBetween(sorted: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += sorted[i]!;
  return sum / (to - from);
}

/** Mean of the `count` values closest to `center`; of two equally far ones the smaller is kept. */
function meanClosest(sorted: Float64Array, center: number, count: number): number {
  let [from, to] = [0, sorted.length];
  while (to - from > count) {
    // The farthest value left is at one of the two ends.
    if (center - sorted[from]! > sorted[to - 1]! - center) from++;
    else to--;
  }
  return meanBetween(sorted, from, to);
}

export const median = (rows: Rows): number[] => byColumn(rows, middle);

export const trimmedMean = (rows: Rows, { f }: Bounded): number[] =>
  byColumn(rows, (sorted) => meanBetween(sorted, f, sorted.length - f));

export const meamed = (rows: Rows, { f }: Bounded): number[] =>
  byColumn(rows, (sorted) => meanClosest(sorted, middle(sorted), sorted.length - f));

export const phocas = (rows: Rows, { f }: Bounded): number[] =>
  byColumn(rows, (sorted) =>
    meanClosest(sorted, meanBetween(sorted, f, sorted.length - f), sorted.length - f),
  );

export const signVote = (rows: Rows, { step = 1 }: ReferenceParameters): number[] =>
  byColumn(rows, (sorted) => {
    const votes = sorted.reduce((sum, value) => sum + Math.sign(value), 0);
    return votes === 0 ? 0 : step * Math.sign(votes);
  });
