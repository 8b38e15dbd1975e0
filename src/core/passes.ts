/**
 * The passes over the data. However long a pipeline is, there are at most three: one to measure distances, one
 * more where some rows are so far away that they must be pulled in first (see geometry.ts), and one to combine.
 */
import { SEGMENT_COLUMNS } from '../../bindings/abi.js';
import type { Mixing, SelectionWork, SignVoteWork, Work } from '../../bindings/job.js';
import type { EngineSession, Proofs } from './engine.js';
import type { OutlierRow } from './geometry.js';
import { Allocation } from './memory.js';
import { selectionModule } from './selectionNetwork/emit.js';
import { type ColumnSelection, selectionTables } from './selectionNetwork/selection.js';
import { forEachTile, type TiledRows, type Tile } from './tiles.js';

export interface PassOptions {
  readonly session: EngineSession;
  readonly threads: number;
  readonly sharedMaximumPages: number | undefined;
  readonly rows: TiledRows;
  /** Which rows, in order. */
  readonly chosen: readonly number[];
  readonly signal: AbortSignal | undefined;
  /** Called once for each tile, while its rows are in the core's memory. */
  readonly onTile?: ((tile: Tile) => void) | undefined;
}

/** Up to here distances are taken in float64, which costs little and leaves no near-tie to chance. */
const MAX_EXACT_COLUMNS = 4096;

const columnsOf = (rows: TiledRows) => ('batch' in rows ? rows.batch.d : rows.source.d);

const VECTOR = 4;
const segmentsOf = (columns: number) => Math.ceil(columns / SEGMENT_COLUMNS);

/** Squared distances between the chosen rows and, last, the origin: (n + 1)² values. Not finite where a row is not. */
export async function pairwisePass(options: PassOptions): Promise<Float64Array> {
  const { session, threads, signal, chosen } = options;
  const total = new SquareSum(chosen.length + 1, columnsOf(options.rows));
  const tiling = { arena: session.arena, threads, extraRows: 0, bytesPerSegment: total.bytes, signal };
  await forEachTile(options.rows, chosen, tiling, (tile) =>
    total.add(session, tile.table, tile.columns, () => options.onTile?.(tile)),
  );
  return total.symmetric();
}

/**
 * The same with the far rows pulled in, for all but them are seen from the center: D̂ of geometry.ts, except that the
 * origin's distances are to the pulled rows themselves.
 */
export async function pulledPass(
  options: PassOptions,
  center: number,
  far: readonly OutlierRow[],
): Promise<Float64Array> {
  const { session, threads, signal, chosen } = options;
  const { arena } = session;
  const n = chosen.length;
  const scales = new Float64Array(n + 1).fill(1);
  for (const { row, scale } of far) scales[row] = scale;
  const total = new SquareSum(n + 2, columnsOf(options.rows));
  const tiling = { arena, threads, extraRows: n + 2, bytesPerSegment: total.bytes, signal };
  await forEachTile(options.rows, chosen, tiling, async ({ addresses, table, columns }) => {
    const allocation = new Allocation(arena);
    try {
      const zeros = allocation.take(columns * 4);
      arena.u8(zeros, columns * 4).fill(0);
      const pulled: number[] = [];
      for (const [i, row] of [...addresses, zeros].entries()) {
        const out = allocation.take(columns * 4);
        const work: Work = {
          kernel: 'pull',
          table,
          n,
          row,
          center: addresses[center]!,
          scale: scales[i]!,
          out,
        };
        await session.run(work, columns, (3 * columns) / VECTOR);
        pulled.push(out);
      }
      await total.add(session, allocation.u32(pulled), columns);
    } finally {
      allocation.releaseAll();
    }
  });
  // The row of zeros stands for the origin; the sum's own last point is the center.
  const all = total.symmetric();
  return Float64Array.from(
    { length: (n + 1) ** 2 },
    (_, k) => all[Math.floor(k / (n + 1)) * (n + 2) + (k % (n + 1))]!,
  );
}

/** Squares of sums over segments, added up in order. */
class SquareSum {
  private readonly size: number;
  private readonly exact: boolean;
  private readonly total: Float64Array;

  /** @param size rows and the origin */
  constructor(size: number, d: number) {
    this.size = size;
    this.exact = d <= MAX_EXACT_COLUMNS;
    this.total = new Float64Array(size * size);
  }

  /** For each segment. */
  get bytes(): number {
    return this.total.byteLength;
  }

  async add(session: EngineSession, table: number, columns: number, meanwhile?: () => void): Promise<void> {
    const { size, total } = this;
    const n = size - 1;
    const allocation = new Allocation(session.arena);
    try {
      const segments = segmentsOf(columns);
      const sums = allocation.take(segments * this.bytes);
      const operations = (3 * ((n * n) / 2) * columns) / VECTOR;
      await session.run(
        { kernel: 'pairwise-distances', exact: this.exact, table, n, sums },
        columns,
        operations,
        meanwhile,
      );
      for (let segment = 0; segment < segments; segment++) {
        const partial = session.arena.f64(sums + segment * this.bytes, total.length);
        for (let k = 0; k < total.length; k++) total[k]! += partial[k]!;
      }
    } finally {
      allocation.releaseAll();
    }
  }

  /** The total, of which the kernel fills only one half. */
  symmetric(): Float64Array {
    const { size, total } = this;
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) total[i * size + j] = total[j * size + i]!;
    return total;
  }
}

/** What becomes of the rows in the last pass: a weighted sum, or a coordinate-wise rule, mixed rows before it or not. */
export type Combination =
  | { readonly kind: 'weighted-sum'; readonly weights: Float64Array }
  | {
      readonly kind: 'columns';
      readonly column: ColumnSelection | { readonly kind: 'sign-vote'; readonly step: number };
      /** The rows that the rule works on: each a combination of the chosen rows, or one of them. */
      readonly inputs: { readonly matrix: readonly Float64Array[] } | { readonly indices: readonly number[] };
    };

/** Each chosen row's squared norm and squared distance to the result. */
export interface RowMeasures {
  readonly squaredNorms: Float64Array;
  readonly squaredDistances: Float64Array;
}

/**
 * Combines the rows into `into`.
 *
 * @param measures filled in on the way, if given
 * @param direct whether `into` is itself a whole, padded row of the core's memory, to be written in place
 */
export async function combinePass(
  options: PassOptions,
  combination: Combination,
  into: Float32Array,
  direct: boolean,
  measures?: RowMeasures,
): Promise<Proofs> {
  const { session, chosen, rows } = options;
  const { arena } = session;
  const n = chosen.length;
  const shared = new Allocation(arena);
  let inputsFinite = true;
  let resultsFinite = true;
  try {
    const prepare = await preparer(options, combination, shared);
    const bytesPerSegment = measures ? n * 16 : 0;
    const tiling = { arena, threads: options.threads, extraRows: 1, bytesPerSegment, signal: options.signal };
    await forEachTile(rows, chosen, tiling, async (tile) => {
      const allocation = new Allocation(arena);
      try {
        const out = direct ? into.byteOffset : allocation.take(tile.columns * 4);
        const { work, operations } = prepare(tile, out, allocation);
        const proofs = await session.run(work, tile.columns, operations * tile.columns, () =>
          options.onTile?.(tile),
        );
        inputsFinite &&= proofs.inputsFinite;
        resultsFinite &&= proofs.resultsFinite;
        if (measures) await measureRows(session, tile, n, out, measures, allocation);
        if (!direct) into.set(arena.f32(out, tile.width), tile.first);
      } finally {
        allocation.releaseAll();
      }
    });
  } finally {
    shared.releaseAll();
  }
  return { inputsFinite, resultsFinite };
}

async function measureRows(
  session: EngineSession,
  tile: Tile,
  n: number,
  point: number,
  { squaredNorms, squaredDistances }: RowMeasures,
  allocation: Allocation,
): Promise<void> {
  const segments = segmentsOf(tile.columns);
  const sums = allocation.take(segments * n * 16);
  await session.run(
    { kernel: 'row-distances', table: tile.table, n, point, sums },
    tile.columns,
    (4 * n * tile.columns) / VECTOR,
  );
  for (let segment = 0; segment < segments; segment++) {
    const partial = session.arena.f64(sums + segment * n * 16, n * 2);
    for (let i = 0; i < n; i++) {
      squaredNorms[i]! += partial[2 * i]!;
      squaredDistances[i]! += partial[2 * i + 1]!;
    }
  }
}

/** Makes a tile's work; `operations` is its cost a column, in vector operations. */
type Prepare = (
  tile: Tile,
  out: number,
  allocation: Allocation,
) => { readonly work: Work; readonly operations: number };

async function preparer(
  options: PassOptions,
  combination: Combination,
  shared: Allocation,
): Promise<Prepare> {
  const n = options.chosen.length;
  if (combination.kind === 'weighted-sum') {
    // Relative to the greatest, so that equal weights are 1 and their mean is a sum, divided once.
    const largest = combination.weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) || 1;
    const weights = shared.f32(combination.weights.map((weight) => weight / largest));
    const divisor = 1 / largest;
    return ({ table }, out) => ({
      work: { kernel: 'weighted-sum', table, n, weights, divisor, out },
      operations: (2 * n) / VECTOR,
    });
  }
  const { column, inputs } = combination;
  const points = 'matrix' in inputs ? inputs.matrix.length : inputs.indices.length;
  const mixing = 'matrix' in inputs ? mixingOf(inputs.matrix, n, shared) : undefined;
  const make =
    column.kind === 'sign-vote' ? signVoter(column.step) : await selector(options, column, points, shared);
  const operations = (make.operations + (mixing ? 2 * n * points : 0)) / VECTOR;
  return (tile, out, allocation) => {
    if (mixing) return { work: { ...make.work, table: tile.table, n, mixing, out }, operations };
    const { indices } = inputs as { indices: readonly number[] };
    const all = indices.length === n;
    const table = all ? tile.table : allocation.u32(indices.map((index) => tile.addresses[index]!));
    return { work: { ...make.work, table, n: points, out }, operations };
  };
}

/** The weight that all non-zero entries have, if they have one in common. */
function commonWeight(rows: readonly Float64Array[]): number | undefined {
  const weight = rows[0]!.find((entry) => entry !== 0);
  return rows.every((row) => row.every((entry) => entry === 0 || entry === weight)) ? weight : undefined;
}

function mixingOf(rows: readonly Float64Array[], n: number, shared: Allocation): Mixing {
  const m = rows.length;
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

/** Above this, compiling takes longer than it saves, and a network's code outgrows the instruction cache. */
const MAX_COMPILED_ROWS = 256;

async function selector(
  { session, sharedMaximumPages }: PassOptions,
  selection: ColumnSelection,
  n: number,
  shared: Allocation,
): Promise<ColumnWork> {
  const f = selection.kind === 'median' ? 0 : selection.f;
  const aroundMedian = selection.kind === 'nearest-mean' && selection.center === 'median';
  const operations = n * Math.ceil(Math.log2(n + 1)) ** 2;
  const base = { kernel: 'selection' as const, selection: { kind: selection.kind, f, aroundMedian } };
  const module = `${selection.kind} ${n} ${f} ${aroundMedian}`;
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

/** Each chosen row's squared norm, which is finite only if the row is. */
export async function normsPass(options: PassOptions): Promise<Float64Array> {
  const { session, chosen, threads, signal } = options;
  const { arena } = session;
  const n = chosen.length;
  const measures = { squaredNorms: new Float64Array(n), squaredDistances: new Float64Array(n) };
  const tiling = { arena, threads, extraRows: 0, bytesPerSegment: n * 16, signal };
  await forEachTile(options.rows, chosen, tiling, async (tile) => {
    const allocation = new Allocation(arena);
    try {
      options.onTile?.(tile);
      await measureRows(session, tile, n, tile.addresses[0]!, measures, allocation);
    } finally {
      allocation.releaseAll();
    }
  });
  return measures.squaredNorms;
}
