/** The mean, and the rules that iterate towards a center, in the space of the data itself. */
import { topSpread } from './eigen.js';
import type { Bounded, ReferenceParameters } from './parameters.js';
import { difference, norm, scaled, squaredDistance, weightedMean, type Rows } from './vectors.js';

export const mean = (rows: Rows, { weights }: ReferenceParameters): number[] =>
  weightedMean(rows, weights && Array.from(weights));

/** Smoothed Weiszfeld from 0: `maxIterations` steps if tolerance is 0, else until float64 does not move any more. */
export function geometricMedian(
  rows: Rows,
  { nu = 1e-6, tolerance, maxIterations }: ReferenceParameters,
): number[] {
  const iterations = tolerance === 0 ? maxIterations : undefined;
  const origin = rows[0]!.map(() => 0);
  let z = origin;
  for (let iteration = 0; iteration < (iterations ?? 100_000); iteration++) {
    const distances = rows.map((row) => Math.sqrt(squaredDistance(row, z)));
    const moved = weightedMean(
      rows,
      distances.map((distance) => 1 / Math.max(nu, distance)),
    );
    const still = squaredDistance(moved, z) <= 1e-26 * squaredDistance(z, origin);
    z = moved;
    if (still && iterations === undefined) break;
  }
  return z;
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
