/** Choices among points, as several rules and pre-aggregators need them: all, the least by some number, their mean. */
import type { Geometry } from '../core/geometry.js';

/** The indices of all points. */
export const everyPoint = ({ n }: Geometry): number[] => Array.from({ length: n }, (_, i) => i);

/** The indices of the `count` least values, in order; among equal ones the lower index comes first. */
export function leastIndices(values: ArrayLike<number>, count: number): number[] {
  return Array.from(values, (_, i) => i)
    .sort((a, b) => values[a]! - values[b]! || a - b)
    .slice(0, count);
}

/** Weights that make the plain mean of some of n points. */
export function meanOf(n: number, members: readonly number[]): Float64Array {
  const weights = new Float64Array(n);
  for (const member of members) weights[member] = 1 / members.length;
  return weights;
}
