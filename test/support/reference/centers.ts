/** The mean, and the rules that iterate towards a center, in the space of the data itself. */
import { topSpread } from './eigen.js';
import type { Bounded, ReferenceParameters } from './parameters.js';
import { ascending, difference, dot, norm, type Rows, scaled, type Vector, weightedMean } from './vectors.js';

export const mean = (rows: Rows, { weights }: ReferenceParameters): number[] =>
  weightedMean(rows, weights && Array.from(weights));

/** Σ (x_i − z) / ‖x_i − z‖ over the rows that differ from z, its length, and the number of rows that don't. */
function pulls(rows: Rows, z: Vector): { total: number[]; length: number; here: number } {
  const total = z.map(() => 0);
  let here = 0;
  for (const row of rows) {
    const away = difference(row, z);
    const length = norm(away);
    if (length === 0) here++;
    else away.forEach((entry, k) => (total[k]! += entry / length));
  }
  return { total, length: norm(total), here };
}

const sumOfDistances = (rows: Rows, z: Vector): number =>
  rows.reduce((sum, row) => sum + norm(difference(row, z)), 0);

/** The middle of rows that lie in line with the origin, in order along it; undefined if they don't. */
function middleOfLine(offsets: Rows): number[] | undefined {
  const line = offsets.reduce((most, row) => (norm(row) > norm(most) ? row : most));
  const length = norm(line);
  if (length === 0) return Array.from(line);
  const places = offsets.map((row) => dot(row, line) / length);
  const off = offsets.some(
    (row, i) => norm(difference(row, scaled(line, places[i]! / length))) > 1e-9 * norm(row),
  );
  if (off) return undefined;
  const sorted = ascending(places).map((i) => offsets[i]!);
  const [lower, upper] = [sorted[(offsets.length - 1) >> 1]!, sorted[offsets.length >> 1]!];
  return lower.map((entry, k) => entry / 2 + upper[k]! / 2);
}

/**
 * The row with the least sum of distances where its subgradient contains 0; otherwise Weiszfeld's iteration from beside
 * it, until the unit vectors toward the rows all but cancel. Relative to that row, so that a common mean costs no digits.
 */
export function geometricMedian(rows: Rows): number[] {
  const sums = rows.map((row) => sumOfDistances(rows, row));
  const base = rows[ascending(sums)[0]!]!;
  const offsets = rows.map((row) => difference(row, base));
  const back = (z: Vector) => z.map((entry, k) => entry + base[k]!);
  const middle = middleOfLine(offsets);
  if (middle) return back(middle);
  const origin = base.map(() => 0);
  const start = pulls(offsets, origin);
  if (start.length <= start.here * (1 + 1e-12)) return Array.from(base);
  const steps = offsets.map(norm).reduce((sum, length) => sum + (length === 0 ? 0 : 1 / length), 0);
  let z = scaled(start.total, (start.length - start.here) / steps / start.length);
  for (let iteration = 0; iteration < 30_000; iteration++) {
    const { length, here } = pulls(offsets, z);
    if (length <= 1e-12 * rows.length || here > 0) break;
    z = weightedMean(
      offsets,
      offsets.map((row) => 1 / norm(difference(row, z))),
    );
  }
  return back(z);
}

export function centeredClipping(
  rows: Rows,
  { tau = NaN, iterations = 1, previous = rows[0]!.map(() => 0) }: ReferenceParameters,
): number[] {
  let v = Array.from(previous);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const pulls = rows.map((row) => {
      const away = difference(row, v);
      const length = norm(away);
      return length <= tau ? away : scaled(away, tau / length);
    });
    const pull = weightedMean(pulls);
    v = v.map((entry, k) => entry + pull[k]!);
  }
  return v;
}

/** Covariance-bound-agnostic filter: weights fall along the top eigenvector until n − 2f of them are left. */
export function caf(rows: Rows, { f }: Bounded): number[] {
  const n = rows.length;
  let weights = rows.map(() => 1);
  let best = weightedMean(rows);
  let least = Infinity;
  while (weights.reduce((sum, weight) => sum + weight, 0) > n - 2 * f) {
    const { mean, lambda, projections } = topSpread(rows, weights);
    if (lambda < least) [best, least] = [mean, lambda];
    if (lambda === 0) break;
    const greatest = Math.max(...projections.filter((_, i) => weights[i]! > 0));
    weights = weights.map((weight, i) => (weight === 0 ? 0 : weight * (1 - projections[i]! / greatest)));
  }
  return best;
}
