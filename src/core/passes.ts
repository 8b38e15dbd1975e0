/**
 * The passes over the data. However long a pipeline is, there are at most three: one to measure distances, one
 * more where some rows are so far away that they must be pulled in first (see geometry.ts), and one to combine.
 */
import { SEGMENT_COLUMNS } from '../../bindings/abi.js';
import type { Mixing, SelectionWork, SignVoteWork, Work } from '../../bindings/job.js';
import type { EngineSession, Proofs } from './engine.js';
import type { FarRow } from './geometry.js';
import { Allocation } from './memory.js';
import { selectionModule } from './network/emit.js';
import { selectionTables } from './network/interpret.js';
import type { Selection } from './network/selection.js';
import { forEachTile, type Rows, type Tile } from './tiles.js';

export interface PassOptions {
  readonly session: EngineSession;
  readonly threads: number;
  readonly sharedMaximumPages: number | undefined;
  readonly rows: Rows;
  /** Which rows, in order. */
  readonly chosen: readonly number[];
  readonly signal: AbortSignal | undefined;
  /** Called once for each tile, while its rows are in the core's memory. */
  readonly onTile?: ((tile: Tile) => void) | undefined;
}

const VECTOR = 4;
const segmentsOf = (columns: number) => Math.ceil(columns / SEGMENT_COLUMNS);

/** Squared distances between the chosen rows and, last, the origin: (n + 1)² values. Not finite where a row is not. */
export async function pairwisePass(
  options: PassOptions,
  pull?: { readonly centre: number; readonly far: readonly FarRow[] },
): Promise<Float64Array> {
  const { session, chosen } = options;
  const { arena } = session;
  const n = chosen.length;
  const size = (n + 1) ** 2;
  const total = new Float64Array(size);
  const far = pull?.far ?? [];
  const work = {
    arena,
    threads: options.threads,
    extraRows: far.length,
    bytesPerSegment: size * 8,
    signal: options.signal,
  };

  await forEachTile(options.rows, chosen, work, async (tile) => {
    const allocation = new Allocation(arena);
    try {
      let { table } = tile;
      if (pull) {
        const addresses = [...tile.addresses];
        for (const { row, scale } of far) {
          const out = allocation.take(tile.columns * 4);
          const centre = tile.addresses[pull.centre];
          const job: Work = { kernel: 'pull', table, n, row: tile.addresses[row], centre, scale, out };
          await session.run(job, tile.columns, (3 * tile.columns) / VECTOR);
          addresses[row] = out;
        }
        table = allocation.u32(addresses);
      }
      const segments = segmentsOf(tile.columns);
      const sums = allocation.take(segments * size * 8);
      const operations = (3 * ((n * n) / 2) * tile.columns) / VECTOR;
      await session.run({ kernel: 'pairwise-distances', table, n, sums }, tile.columns, operations, () =>
        options.onTile?.(tile),
      );
      for (let segment = 0; segment < segments; segment++) {
        const partial = arena.f64(sums + segment * size * 8, size);
        for (let k = 0; k < size; k++) total[k] += partial[k];
      }
    } finally {
      allocation.releaseAll();
    }
  });
  for (let i = 0; i <= n; i++) for (let j = 0; j < i; j++) total[i * (n + 1) + j] = total[j * (n + 1) + i];
  return total;
}

/** What becomes of the rows in the last pass: a weighted sum, or a coordinate-wise rule, mixed rows before it or not. */
export type Combination =
  | { readonly kind: 'weighted-sum'; readonly weights: Float64Array }
  | {
      readonly kind: 'columns';
      readonly column: Selection | { readonly kind: 'sign-vote'; readonly step: number };
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
      squaredNorms[i] += partial[2 * i];
      squaredDistances[i] += partial[2 * i + 1];
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
    const weights = shared.f32(combination.weights);
    return ({ table }, out) => ({
      work: { kernel: 'weighted-sum', table, n, weights, out },
      operations: (2 * n) / VECTOR,
    });
  }
  const { column, inputs } = combination;
  const points = 'matrix' in inputs ? inputs.matrix.length : inputs.indices.length;
  const mixing = 'matrix' in inputs ? sharedMatrix(inputs.matrix, n, shared) : undefined;
  const make =
    column.kind === 'sign-vote' ? signVoter(column.step) : await selector(options, column, points, shared);
  const operations = (make.operations + (mixing ? 2 * n * points : 0)) / VECTOR;
  return (tile, out, allocation) => {
    if (mixing) return { work: { ...make.work, table: tile.table, n, mixing, out }, operations };
    const { indices } = inputs as { indices: readonly number[] };
    const all = indices.length === n;
    const table = all ? tile.table : allocation.u32(indices.map((index) => tile.addresses[index]));
    return { work: { ...make.work, table, n: points, out }, operations };
  };
}

function sharedMatrix(rows: readonly Float64Array[], n: number, shared: Allocation): Mixing {
  const matrix = new Float32Array(rows.length * n);
  rows.forEach((weights, k) => {
    matrix.set(weights, k * n);
  });
  return { matrix: shared.f32(matrix), m: rows.length };
}

interface ColumnWork {
  readonly work: Omit<SelectionWork, 'table' | 'n' | 'out'> | Omit<SignVoteWork, 'table' | 'n' | 'out'>;
  readonly operations: number;
}

const signVoter = (step: number): ColumnWork => ({ work: { kernel: 'sign-vote', step }, operations: 4 });

/** Above this, compiling takes longer than it saves, and a network's code outgrows the instruction cache. */
const MOST_COMPILED_ROWS = 256;

async function selector(
  { session, sharedMaximumPages }: PassOptions,
  selection: Selection,
  n: number,
  shared: Allocation,
): Promise<ColumnWork> {
  const f = selection.kind === 'median' ? 0 : selection.f;
  const aroundMedian = selection.kind === 'nearest-mean' && selection.centre === 'median';
  const operations = n * Math.ceil(Math.log2(n + 1)) ** 2;
  const base = { kernel: 'selection' as const, selection: { kind: selection.kind, f, aroundMedian } };
  const module = `${selection.kind} ${n} ${f} ${aroundMedian}`;
  if (
    n <= MOST_COMPILED_ROWS &&
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
export async function normsPass({
  session,
  rows,
  chosen,
  threads,
  signal,
}: PassOptions): Promise<Float64Array> {
  const { arena } = session;
  const n = chosen.length;
  const measures = { squaredNorms: new Float64Array(n), squaredDistances: new Float64Array(n) };
  await forEachTile(
    rows,
    chosen,
    { arena, threads, extraRows: 0, bytesPerSegment: n * 16, signal },
    async (tile) => {
      const allocation = new Allocation(arena);
      try {
        await measureRows(session, tile, n, tile.addresses[0], measures, allocation);
      } finally {
        allocation.releaseAll();
      }
    },
  );
  return measures.squaredNorms;
}
