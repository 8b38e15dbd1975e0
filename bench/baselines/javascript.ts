/**
 * The rules in plain JavaScript: straightforward loops over Float32Array rows, as one would write them without
 * WebAssembly. Sums are float64, like JavaScript's numbers. Each rule writes into `out`.
 */
import { distances, leastOf, nearestTo, squaredDistance, type Table } from './distances.js';

export interface JavaScriptParameters {
  readonly f: number;
  readonly tau: number;
  readonly iterations: number;
  readonly nu: number;
  readonly tolerance: number;
  readonly maxIterations: number;
}

export type JavaScriptRule = (
  rows: readonly Float32Array[],
  parameters: JavaScriptParameters,
  out: Float32Array,
) => void;

// --- coordinate-wise ---------------------------------------------------------------------------------------

/** Up to this length, insertion sort takes half to nine tenths of the built-in sort's time. */
const insertionEntries = 32;

function sortColumn(column: Float32Array): void {
  if (column.length > insertionEntries) {
    column.sort();
    return;
  }
  for (let i = 1; i < column.length; i++) {
    const value = column[i]!;
    let j = i - 1;
    for (; j >= 0 && column[j]! > value; j--) column[j + 1] = column[j]!;
    column[j + 1] = value;
  }
}

/** Visits each column, sorted. */
function eachColumn(
  rows: readonly Float32Array[],
  d: number,
  visit: (column: Float32Array, k: number) => void,
) {
  const n = rows.length;
  const column = new Float32Array(n);
  for (let k = 0; k < d; k++) {
    for (let i = 0; i < n; i++) column[i] = rows[i]![k]!;
    sortColumn(column);
    visit(column, k);
  }
}

function middle(column: Float32Array): number {
  const n = column.length;
  return n % 2 === 1 ? column[(n - 1) / 2]! : 0.5 * (column[n / 2 - 1]! + column[n / 2]!);
}

function meanOf(column: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += column[i]!;
  return sum / (to - from);
}

/** The mean of the `count` values closest to `center`, which are adjacent in a sorted column. */
function meanAround(column: Float32Array, center: number, count: number): number {
  let from = 0;
  let to = column.length;
  while (to - from > count) {
    if (center - column[from]! > column[to - 1]! - center) from++;
    else to--;
  }
  return meanOf(column, from, to);
}

const median: JavaScriptRule = (rows, _, out) =>
  eachColumn(rows, out.length, (column, k) => {
    out[k] = middle(column);
  });

const trimmedMean: JavaScriptRule = (rows, { f }, out) =>
  eachColumn(rows, out.length, (column, k) => {
    out[k] = meanOf(column, f, column.length - f);
  });

const meamed: JavaScriptRule = (rows, { f }, out) =>
  eachColumn(rows, out.length, (column, k) => {
    out[k] = meanAround(column, middle(column), column.length - f);
  });

const phocas: JavaScriptRule = (rows, { f }, out) =>
  eachColumn(rows, out.length, (column, k) => {
    out[k] = meanAround(column, meanOf(column, f, column.length - f), column.length - f);
  });

const signVote: JavaScriptRule = (rows, _, out) => {
  for (let k = 0; k < out.length; k++) {
    let votes = 0;
    for (const row of rows) {
      const value = row[k]!;
      if (value > 0) votes++;
      else if (value < 0) votes--;
    }
    out[k] = votes > 0 ? 1 : votes < 0 ? -1 : 0;
  }
};

// --- linear ------------------------------------------------------------------------------------------------

/** Adds row by row, so that memory is read in order; sums are float64. */
function combine(rows: readonly Float32Array[], weights: readonly number[], out: Float32Array): void {
  const sums = new Float64Array(out.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const weight = weights[i]!;
    if (weight === 0) continue;
    for (let k = 0; k < sums.length; k++) sums[k]! += weight * row[k]!;
  }
  out.set(sums);
}

const mean: JavaScriptRule = (rows, _, out) =>
  combine(
    rows,
    rows.map(() => 1 / rows.length),
    out,
  );

function meanOfRows(rows: readonly Float32Array[], chosen: readonly number[], out: Float32Array): void {
  const picked = new Set(chosen);
  combine(
    rows,
    rows.map((_, i) => (picked.has(i) ? 1 / chosen.length : 0)),
    out,
  );
}

function krumScores(table: Table, among: readonly number[], neighbors: number): number[] {
  return among.map((i) => {
    const away = Float64Array.from(among.filter((j) => j !== i).map((j) => table[i]![j])).sort();
    let score = 0;
    for (let k = 0; k < neighbors; k++) score += away[k]!;
    return score;
  });
}

const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const krum: JavaScriptRule = (rows, { f }, out) => {
  const n = rows.length;
  const [best = 0] = leastOf(krumScores(distances(rows), indices(n), n - f - 2), 1);
  out.set(rows[best]!);
};

const multiKrum: JavaScriptRule = (rows, { f }, out) => {
  const n = rows.length;
  meanOfRows(rows, leastOf(krumScores(distances(rows), indices(n), n - f - 2), n - f), out);
};

const bulyan: JavaScriptRule = (rows, { f }, out) => {
  const n = rows.length;
  const table = distances(rows);
  const left = indices(n);
  const chosen: number[] = [];
  while (chosen.length < n - 2 * f) {
    const [best = 0] = leastOf(krumScores(table, left, Math.max(1, left.length - f - 2)), 1);
    chosen.push(...left.splice(best, 1));
  }
  const selected = chosen.map((i) => rows[i]!);
  eachColumn(selected, out.length, (column, k) => {
    out[k] = meanAround(column, middle(column), column.length - 2 * f);
  });
};

/** The plain search below would take too long for many more subsets. */
const maxSubsets = 20_000;

function subsets(n: number, f: number): number {
  let count = 1;
  for (let k = 1; k <= f; k++) count *= (n - f + k) / k;
  return count;
}

/** Depth-first over the subsets; drops a branch once a pair is as far apart as the best subset's diameter. */
const mda: JavaScriptRule = (rows, { f }, out) => {
  const n = rows.length;
  if (subsets(n, f) > maxSubsets) throw new RangeError('too many subsets for a plain search');
  const table = distances(rows);
  let least = Infinity;
  let best: number[] = [];
  const subset: number[] = [];
  const extend = (next: number, diameter: number): void => {
    if (diameter >= least) return;
    if (subset.length === n - f) {
      least = diameter;
      best = [...subset];
      return;
    }
    for (let i = next; i <= f + subset.length; i++) {
      const wider = subset.reduce((widest, j) => Math.max(widest, table[i]![j]!), diameter);
      subset.push(i);
      extend(i + 1, wider);
      subset.pop();
    }
  };
  extend(0, 0);
  meanOfRows(rows, best, out);
};

const monna: JavaScriptRule = (rows, { f }, out) => {
  const pivot = rows[0]!;
  const away = rows.map((row) => squaredDistance(row, pivot));
  meanOfRows(rows, leastOf(away, rows.length - f), out);
};

const cge: JavaScriptRule = (rows, { f }, out) => {
  const origin = new Float32Array(out.length);
  const norms = rows.map((row) => squaredDistance(row, origin));
  meanOfRows(rows, leastOf(norms, rows.length - f), out);
};

const geometricMedian: JavaScriptRule = (rows, { nu, tolerance, maxIterations }, out) => {
  const moved = new Float32Array(out.length);
  out.fill(0);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const lengths = rows.map((row) => Math.sqrt(squaredDistance(row, out)));
    const pulls = lengths.map((length) => 1 / Math.max(nu, length));
    const total = pulls.reduce((sum, pull) => sum + pull, 0);
    combine(
      rows,
      pulls.map((pull) => pull / total),
      moved,
    );
    const step = Math.sqrt(squaredDistance(moved, out));
    out.set(moved);
    const middleLength = lengths.sort((a, b) => a - b)[(lengths.length - 1) >> 1]!;
    if (step <= tolerance * middleLength) return;
  }
};

const centeredClipping: JavaScriptRule = (rows, { tau, iterations }, out) => {
  const moved = new Float32Array(out.length);
  out.fill(0);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const pulls = rows.map((row) => Math.min(1, tau / Math.sqrt(squaredDistance(row, out))) / rows.length);
    const kept = 1 - pulls.reduce((sum, pull) => sum + pull, 0);
    combine([...rows, out], [...pulls, kept], moved);
    out.set(moved);
  }
};

const nnmThenTrimmedMean: JavaScriptRule = (rows, parameters, out) => {
  const near = nearestTo(distances(rows), rows.length - parameters.f);
  const mixed = near.map((chosen) => {
    const row = new Float32Array(out.length);
    meanOfRows(rows, chosen, row);
    return row;
  });
  trimmedMean(mixed, parameters, out);
};

/** By name. CAF and SMEA have no plain version, because they need eigenvalues. */
export const javaScriptRules: ReadonlyMap<string, JavaScriptRule> = new Map([
  ['mean', mean],
  ['median', median],
  ['trimmed-mean', trimmedMean],
  ['meamed', meamed],
  ['phocas', phocas],
  ['sign-vote', signVote],
  ['distances', (rows) => void distances(rows)],
  ['krum', krum],
  ['multi-krum', multiKrum],
  ['bulyan', bulyan],
  ['mda', mda],
  ['monna', monna],
  ['geometric-median', geometricMedian],
  ['centered-clipping', centeredClipping],
  ['cge', cge],
  ['nnm > trimmed-mean', nnmThenTrimmedMean],
]);
