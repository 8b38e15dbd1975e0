/** Vectors and rows in plain float64 arithmetic, one operation after the other as the formulas are written. */

export type Vector = readonly number[];
export type Rows = readonly Vector[];

export const toRows = (updates: readonly Float32Array[]): number[][] =>
  updates.map((update) => Array.from(update));

export function squaredDistance(a: Vector, b: Vector): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return sum;
}

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

export const norm = (a: Vector): number => Math.sqrt(dot(a, a));

export const scaled = (a: Vector, factor: number): number[] => a.map((entry) => entry * factor);

export const difference = (a: Vector, b: Vector): number[] => a.map((entry, k) => entry - b[k]!);

/** Σ w_i x_i / Σ w_i; equal weights if none are given. */
export function weightedMean(rows: Rows, weights: Vector = rows.map(() => 1)): number[] {
  const sum = new Array<number>(rows[0]!.length).fill(0);
  let total = 0;
  rows.forEach((row, i) => {
    const weight = weights[i]!;
    total += weight;
    for (let k = 0; k < row.length; k++) sum[k]! += weight * row[k]!;
  });
  return sum.map((entry) => entry / total);
}

/** D_ij = ‖x_i − x_j‖², by direct differences. */
export function squaredDistances(rows: Rows): number[][] {
  const table = rows.map(() => new Array<number>(rows.length).fill(0));
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < i; j++) {
      table[i]![j] = table[j]![i] = squaredDistance(rows[i]!, rows[j]!);
    }
  }
  return table;
}

/** Indices from the least value to the greatest; equal values keep the lower index first. */
export const ascending = (values: Vector): number[] =>
  values.map((_, i) => i).sort((i, j) => values[i]! - values[j]! || i - j);

/** The subset of rows, in the order of the indices. */
export const pick = (rows: Rows, indices: readonly number[]): Rows => indices.map((i) => rows[i]!);

/** All subsets of `size` of the indices 0 … n − 1, in lexicographic order. */
export function* subsets(n: number, size: number): Generator<number[]> {
  const chosen = Array.from({ length: size }, (_, i) => i);
  for (;;) {
    yield [...chosen];
    let last = size - 1;
    while (last >= 0 && chosen[last] === n - size + last) last--;
    if (last < 0) return;
    chosen[last]!++;
    for (let i = last + 1; i < size; i++) chosen[i] = chosen[i - 1]! + 1;
  }
}

/** The n − f rows nearest to row `i`, which is the first of them. */
export function nearest(distances: Rows, i: number, f: number): number[] {
  const others = ascending(distances[i]!).filter((j) => j !== i);
  return [i, ...others].slice(0, distances.length - f);
}
