/** From a combination to the job of each tile: the kernel, its tables in the core's memory, and its cost. */
import type { Mixing, SelectionWork, SignVoteWork, Work } from '../../bindings/job.js';
import type { ColumnSelection } from '../../bindings/selection.js';
import type { Allocation } from './memory.js';
import { selectionModule, selectionTables } from './selectionNetwork/selectionModule.js';
import { type PassOptions, type Tile, VECTOR_COLUMNS } from './tiles.js';

/** How the rows are combined: by a weighted sum, or column by column, from mixed rows or from the rows themselves. */
export type Combination =
  | { readonly kind: 'weighted-sum'; readonly weights: Float64Array }
  | {
      readonly kind: 'columns';
      readonly column: Column;
      /** The rows that the rule works on: each a combination of the chosen rows, or one of them. */
      readonly inputs: { readonly matrix: readonly Float64Array[] } | { readonly indices: readonly number[] };
    };

/** What a coordinate-wise rule does with a column: it selects from its sorted values, or counts their signs. */
export type Column = ColumnSelection | { readonly kind: 'sign-vote'; readonly step: number };

/** Makes a tile's work. `operations` is its cost per column, in vector operations. */
export type PrepareTile = (
  tile: Tile,
  out: number,
  allocation: Allocation,
) => { readonly work: Work; readonly operations: number };

/** Places what all tiles share in `shared`. Returns what makes the work of one tile. */
export async function prepareTiles(
  options: PassOptions,
  combination: Combination,
  shared: Allocation,
): Promise<PrepareTile> {
  const n = options.chosen.length;
  if (combination.kind === 'weighted-sum') {
    // Relative to the largest, so that equal weights are 1, and their mean is a sum divided once.
    if (tooSmall(combination.weights)) {
      const weights = shared.f64(combination.weights);
      return ({ table }, out, allocation) => ({
        work: { kernel: 'exact-sum', table, n, weights, mixed: allocation.u32([out]), out },
        operations: (6 * n) / VECTOR_COLUMNS,
      });
    }
    const largest = combination.weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) || 1;
    const weights = shared.f32(combination.weights.map((weight) => weight / largest));
    const divisor = 1 / largest;
    return ({ table }, out) => ({
      work: { kernel: 'weighted-sum', table, n, weights, divisor, out },
      operations: (2 * n) / VECTOR_COLUMNS,
    });
  }
  const { column, inputs } = combination;
  const points = 'matrix' in inputs ? inputs.matrix.length : inputs.indices.length;
  const mixing = 'matrix' in inputs ? mixingOf(inputs.matrix, n, shared) : undefined;
  const make =
    column.kind === 'sign-vote' ? signVoter(column.step) : await selector(options, column, points, shared);
  const operations = (make.operations + (mixing ? 2 * n * points : 0)) / VECTOR_COLUMNS;
  return (tile, out, allocation) => {
    if (mixing) return { work: { ...make.work, table: tile.table, n, mixing, out }, operations };
    const { indices } = inputs as { indices: readonly number[] };
    const all = indices.length === n;
    const table = all ? tile.table : allocation.u32(indices.map((index) => tile.addresses[index]!));
    return { work: { ...make.work, table, n: points, out }, operations };
  };
}

/** The least normal float32. */
const LEAST_NORMAL = 2 ** -126;

/** Whether float32 would lose digits of a weight: of an update that was scaled down from 1e38, say. */
const tooSmall = (weights: Float64Array): boolean =>
  weights.some((weight) => weight !== 0 && Math.abs(weight) < LEAST_NORMAL);

/** The common weight of all nonzero entries, if there is one. */
function commonWeight(rows: readonly Float64Array[]): number | undefined {
  const weight = rows[0]!.find((entry) => entry !== 0);
  return rows.every((row) => row.every((entry) => entry === 0 || entry === weight)) ? weight : undefined;
}

function mixingOf(rows: readonly Float64Array[], n: number, shared: Allocation): Mixing {
  const m = rows.length;
  if (rows.some(tooSmall)) {
    const matrix = new Float64Array(m * n);
    rows.forEach((weights, k) => {
      matrix.set(weights, k * n);
    });
    return { m, weights: { exactMatrix: shared.f64(matrix) } };
  }
  const scale = commonWeight(rows);
  if (scale === undefined) {
    const matrix = new Float32Array(m * n);
    rows.forEach((weights, k) => {
      matrix.set(weights, k * n);
    });
    return { m, weights: { matrix: shared.f32(matrix) } };
  }
  const fours = Math.ceil(n / 4);
  const offsets = new Uint32Array(m * fours);
  rows.forEach((weights, k) => {
    for (let b = 0; b < fours; b++) {
      let subset = 0;
      for (let member = 0; member < 4; member++) if (weights[4 * b + member]) subset |= 1 << member;
      offsets[k * fours + b] = 32 * (16 * b + subset);
    }
  });
  return { m, weights: { offsets: shared.u32(offsets), scale } };
}

interface ColumnWork {
  readonly work: Omit<SelectionWork, 'table' | 'n' | 'out'> | Omit<SignVoteWork, 'table' | 'n' | 'out'>;
  readonly operations: number;
}

const signVoter = (step: number): ColumnWork => ({ work: { kernel: 'sign-vote', step }, operations: 4 });

/** Above this, compiling takes longer than it saves, and the code outgrows the instruction cache. */
const MAX_COMPILED_ROWS = 256;

async function selector(
  { session, sharedMaximumPages }: PassOptions,
  selection: ColumnSelection,
  n: number,
  shared: Allocation,
): Promise<ColumnWork> {
  const operations = n * Math.ceil(Math.log2(n + 1)) ** 2;
  const base = { kernel: 'selection' as const, selection };
  const module = `${n} ${JSON.stringify(selection)}`;
  if (
    n <= MAX_COMPILED_ROWS &&
    (await session.teach(module, () => selectionModule(n, selection, sharedMaximumPages)))
  ) {
    return { work: { ...base, module }, operations };
  }
  const { comparators, wires } = selectionTables(n, selection);
  const tables = {
    network: shared.u32(comparators),
    length: comparators.length / 2,
    wires: shared.u32(wires),
  };
  return { work: { ...base, tables }, operations };
}
