/**
 * Eigenpairs by cyclic Jacobi rotations, on matrices formed from the data itself (never from distances).
 * Cost: O(size³) a sweep, some eight sweeps.
 */
import { difference, dot, scaled, weightedMean, type Rows, type Vector } from './vectors.js';

/** Every eigenvalue of a symmetric matrix, with its eigenvector in the same place. */
export function eigenpairs(symmetric: Rows): { values: number[]; vectors: number[][] } {
  const size = symmetric.length;
  const a = symmetric.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((_entry, k) => (i === k ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let offDiagonal = 0;
    let diagonal = 0;
    for (let p = 0; p < size; p++) {
      diagonal += a[p]![p]! ** 2;
      for (let q = 0; q < p; q++) offDiagonal += a[p]![q]! ** 2;
    }
    if (offDiagonal <= 1e-32 * diagonal) break;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, p, q);
  }
  return { values: a.map((row, i) => row[i]!), vectors };
}

/** One rotation in the plane (p, q), chosen so that a[p][q] becomes 0. */
function rotate(a: number[][], vectors: number[][], p: number, q: number): void {
  const apq = a[p]![q]!;
  if (apq === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (const row of a) {
    const [left, right] = [row[p], row[q]];
    row[p] = c * left! - s * right!;
    row[q] = s * left! + c * right!;
  }
  for (const table of [a, vectors]) {
    const [upper, lower] = [table[p], table[q]];
    for (let k = 0; k < upper!.length; k++) {
      const [left, right] = [upper![k]!, lower![k]!];
      upper![k] = c * left - s * right;
      lower![k] = s * left + c * right;
    }
  }
  a[p]![q] = a[q]![p] = 0;
}

/**
 * The top eigenpair of the weighted covariance Σ c_i (x_i − μ)(x_i − μ)ᵀ / Σ c: from the d × d matrix where that is
 * the smaller one, otherwise from the n × n Gram matrix of the rows √c_i (x_i − μ), which has the same eigenvalues.
 *
 * @returns μ, the eigenvalue λ, and the squared projections τ_i = ((x_i − μ) · v)².
 */
export function topSpread(rows: Rows, weights: Vector = rows.map(() => 1)) {
  const mean = weightedMean(rows, weights);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const centered = rows.map((row) => difference(row, mean));
  const weighted = centered.map((row, i) => scaled(row, Math.sqrt(weights[i]! / total)));
  const [n, d] = [rows.length, mean.length];
  const matrix = d <= n ? gram(mean.map((_, k) => weighted.map((row) => row[k]!))) : gram(weighted);
  const { values, vectors } = eigenpairs(matrix);
  const top = values.indexOf(Math.max(...values));
  const lambda = Math.max(0, values[top]!);
  if (lambda === 0) return { mean, lambda, projections: rows.map(() => 0) };
  let direction: Vector = vectors[top]!;
  if (d > n) {
    // u is an eigenvector of A Aᵀ; then Aᵀ u is one of Aᵀ A.
    const combined = mean.map((_, k) => weighted.reduce((sum, row, i) => sum + row[k]! * direction[i]!, 0));
    direction = scaled(combined, 1 / Math.sqrt(dot(combined, combined)));
  }
  return { mean, lambda, projections: centered.map((row) => dot(row, direction) ** 2) };
}

function gram(rows: Rows): number[][] {
  const table = rows.map((a, i) => rows.map((b, j) => (j <= i ? dot(a, b) : 0)));
  return table.map((row, i) => row.map((entry, j) => (j <= i ? entry : table[j]![i]!)));
}
