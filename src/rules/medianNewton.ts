/**
 * Newton's step for the sum of distances. With β_i = 1 / ‖x_i − z‖ and the unit vectors u_i toward the points, its
 * Hessian is B I − U Uᵀ, B = Σ β_i, with the columns √β_i u_i of U; by Woodbury's identity its inverse needs only the
 * n × n system B I − UᵀU. Weiszfeld's step is the same without U Uᵀ, so it is slow where most points lie in line with z or
 * one is very near; there this step takes over.
 */
import type { Cooperative } from '../core/cooperative.js';
import type { MedianObjective, Place } from './medianObjective.js';

/** Pivots below this share of their diagonal entry are lost in rounding. */
const LEAST_PIVOT = 2 ** -44;

/** Solves a symmetric, positive semidefinite system in place, by LDLᵀ: n³ / 6 multiplications. */
function* solve(matrix: Float64Array, b: Float64Array): Cooperative<Float64Array> {
  const n = b.length;
  const diagonal = Float64Array.from(b, (_, i) => matrix[i * n + i]!);
  for (let k = 0; k < n; k++) {
    if (k % 32 === 0) yield;
    const pivot = Math.max(matrix[k * n + k]!, LEAST_PIVOT * diagonal[k]!);
    matrix[k * n + k] = pivot;
    for (let i = k + 1; i < n; i++) {
      const factor = matrix[i * n + k]! / pivot;
      if (factor === 0) continue;
      for (let j = k + 1; j <= i; j++) matrix[i * n + j]! -= factor * matrix[j * n + k]!;
      b[i]! -= factor * b[k]!;
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    let sum = b[k]!;
    for (let i = k + 1; i < n; i++) sum -= matrix[i * n + k]! * b[i]!;
    b[k] = sum / matrix[k * n + k]!;
  }
  return b;
}

/** The coordinates of the step from a place. */
export function* newtonStep(
  { gram, lengths, here }: MedianObjective,
  place: Place,
): Cooperative<Float64Array> {
  const { coordinates, distances, fromBase, pull, descent, descentProducts, products, square } = place;
  const size = lengths.length;
  const n = size + 1; // the base is last
  const betas = new Float64Array(n);
  for (let i = 0; i < size; i++) betas[i] = 1 / distances[i]!;
  betas[size] = here.length / fromBase;
  // Of U: √β_i u_i = share_i (x_i − z).
  const shares = betas.map((beta, i) => Math.sqrt(beta) / (i < size ? distances[i]! : fromBase));
  const productOf = (i: number) => (i < size ? products[i]! : 0);
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const between = i < size ? gram[i * size + j]! : 0;
      matrix[i * n + j] = -shares[i]! * shares[j]! * (between - productOf(i) - productOf(j) + square);
    }
    for (let j = 0; j < n; j++) if (j !== i) matrix[i * n + i]! += betas[j]!;
  }
  const alongPlace = coordinates.reduce((sum, value, i) => sum + value * descentProducts[i]!, 0);
  const b = shares.map((share, i) => share * ((i < size ? descentProducts[i]! : 0) - alongPlace));
  const solved = yield* solve(matrix, b);
  const parts = solved.map((value, i) => value * shares[i]!);
  const total = parts.reduce((sum, part) => sum + part, 0);
  return coordinates.map((value, i) => (descent[i]! + parts[i]! - total * value) / pull);
}
