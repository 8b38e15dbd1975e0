/**
 * Proof in float64, from the data alone, of how far a point's sum of distances exceeds the least one. The lower bound is
 * the value of a feasible point of the dual problem, max Σ ⟨y_i, x_i⟩ for Σ y_i = 0 and ‖y_i‖ ≤ 1, which any point near
 * the optimum gives. The tests improve the point by Weiszfeld's steps of their own, so that only the bound is theirs.
 */
import { geometricMedian } from './reference/centers.js';
import { difference, dot, norm, type Rows, scaled, toRows, type Vector } from './reference/vectors.js';

const sumOfDistances = (rows: Rows, z: Vector): number =>
  rows.reduce((sum, row) => sum + norm(difference(row, z)), 0);

/** A lower bound of the least sum of distances from rows, from unit vectors around z; rows within `radius` balance them. */
function dualBound(rows: Rows, z: Vector, radius: number): number {
  const away = rows.map((row) => difference(row, z));
  const isNear = away.map((offset) => norm(offset) <= radius);
  const near = isNear.filter(Boolean).length;
  const units = away.map((offset, i) => (isNear[i] ? offset.map(() => 0) : scaled(offset, 1 / norm(offset))));
  const rest = z.map((_, k) => units.reduce((sum, unit) => sum + unit[k]!, 0));
  const balance = scaled(rest, -1 / (near || rows.length));
  const dual = units.map((unit, i) =>
    near === 0 || isNear[i] ? unit.map((entry, k) => entry + balance[k]!) : unit,
  );
  const longest = Math.max(1, ...dual.map(norm));
  return away.reduce((sum, offset, i) => sum + dot(offset, dual[i]!), 0) / longest;
}

/** By which share the sum of distances from `value` exceeds the least one, apart from the value's rounding to float32. */
export function unmatchedSum(updates: readonly Float32Array[], value: Float32Array): number {
  const unit = updates.flatMap((row) => Array.from(row, Math.abs)).reduce((a, b) => Math.max(a, b)) || 1;
  const rows = toRows(updates).map((row) => scaled(row, 1 / unit));
  const point = scaled(Array.from(value), 1 / unit);
  const optimum = geometricMedian(rows);
  const candidates = [optimum, ...rows, point];
  const best = candidates.reduce((a, b) => (sumOfDistances(rows, b) < sumOfDistances(rows, a) ? b : a));
  const radii = [
    0,
    ...rows
      .map((row) => norm(difference(row, best)))
      .sort((a, b) => a - b)
      .slice(0, -1),
  ];
  const bound = Math.max(...radii.map((radius) => dualBound(rows, best, radius * (1 + 1e-12))));
  // Each entry of the value is rounded twice, at most: when it is summed, and when it is stored.
  const rounding = norm(point.map((entry) => Math.max(Math.abs(entry) * 2 ** -22, 2 ** -149 / unit)));
  const excess = sumOfDistances(rows, point) - rows.length * rounding - bound;
  return excess <= 0 ? 0 : excess / bound;
}
