/**
 * The direction of greatest variance of weighted points, from their distances alone.
 *
 * With μ = Σ c_i x_i / Σ c_i, the inner products ⟨x_i − μ, x_j − μ⟩ follow from the squared distances (the doubly
 * centered matrix of Torgerson 1952), and the covariance Σ c_i (x_i − μ)(x_i − μ)ᵀ / Σ c_i has the same top
 * eigenvalue as the matrix √c_i √c_j ⟨x_i − μ, x_j − μ⟩ / Σ c: n × n instead of d × d.
 */
import { topEigenpair } from '../core/eigen.js';
import type { Geometry } from '../core/geometry.js';

export interface Spread {
  /** The covariance's greatest eigenvalue: the variance along the direction. */
  readonly variance: number;
  /** ⟨x_i − μ, v⟩ for every point, even those of weight 0; v is the eigenvector of length 1. */
  readonly projections: Float64Array;
}

/**
 * @param weights one per point, not negative, not all 0
 * @returns variance 0 and zero projections if all weighted points coincide
 */
export function widestSpread(geometry: Geometry, weights: ArrayLike<number>): Spread {
  const { n } = geometry;
  const members = Array.from({ length: n }, (_, i) => i).filter((i) => weights[i]! > 0);
  let total = 0;
  for (const i of members) total += weights[i]!;

  const toMembers = new Float64Array(n); // Σ_j c_j D_ij / Σ c
  for (let i = 0; i < n; i++) {
    for (const j of members) toMembers[i]! += weights[j]! * geometry.squaredDistance(i, j);
    toMembers[i]! /= total;
  }
  let overall = 0;
  for (const i of members) overall += (weights[i]! * toMembers[i]!) / total;
  const product = (i: number, j: number) =>
    (toMembers[i]! + toMembers[j]! - overall - geometry.squaredDistance(i, j)) / 2;

  const size = members.length;
  const matrix = new Float64Array(size * size);
  const roots = members.map((i) => Math.sqrt(weights[i]!));
  for (let a = 0; a < size; a++) {
    for (let b = 0; b <= a; b++) {
      const entry = (roots[a]! * roots[b]! * product(members[a]!, members[b]!)) / total;
      matrix[a * size + b] = matrix[b * size + a] = entry;
    }
  }
  const { value, vector } = topEigenpair(matrix, size);
  const projections = new Float64Array(n);
  if (value <= 0) return { variance: 0, projections };
  const length = Math.sqrt(value * total);
  for (let i = 0; i < n; i++) {
    for (let b = 0; b < size; b++)
      projections[i]! += (roots[b]! * vector[b]! * product(i, members[b]!)) / length;
  }
  return { variance: value, projections };
}
