/** Squared distances in plain JavaScript, and the selection of the nearest: what rules that select rows need. */

export type Table = readonly Float64Array[];

/** Uses four sums, so that additions don't wait for each other. */
export function squaredDistance(a: Float32Array, b: Float32Array): number {
  const whole = a.length - (a.length % 4);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let k = 0; k < whole; k += 4) {
    const d0 = a[k]! - b[k]!;
    const d1 = a[k + 1]! - b[k + 1]!;
    const d2 = a[k + 2]! - b[k + 2]!;
    const d3 = a[k + 3]! - b[k + 3]!;
    s0 += d0 * d0;
    s1 += d1 * d1;
    s2 += d2 * d2;
    s3 += d3 * d3;
  }
  for (let k = whole; k < a.length; k++) {
    const difference = a[k]! - b[k]!;
    s0 += difference * difference;
  }
  return s0 + s1 + (s2 + s3);
}

/** @returns n × n squared distances; each pair is computed once */
export function distances(rows: readonly Float32Array[]): Table {
  const table = rows.map(() => new Float64Array(rows.length));
  for (let i = 0; i < rows.length; i++) {
    for (let j = i + 1; j < rows.length; j++) {
      const distance = squaredDistance(rows[i]!, rows[j]!);
      table[i]![j] = distance;
      table[j]![i] = distance;
    }
  }
  return table;
}

/** @returns the indices of the `count` smallest values; of equal ones, the earlier first */
export function leastOf(values: ArrayLike<number>, count: number): number[] {
  return Array.from(values, (_, i) => i)
    .sort((i, j) => values[i]! - values[j]! || i - j)
    .slice(0, count);
}

/** @returns for each row the `count` nearest rows, including itself */
export function nearestTo(table: Table, count: number): number[][] {
  return table.map((row) => leastOf(row, count));
}
