/**
 * The pass that combines the rows into the result, and the sums over rows that it takes on the way. However long a
 * pipeline is, the data is read three times at most: twice to measure distances, once to combine.
 */
import type { EngineSession, Proofs } from './engine.js';
import { Allocation } from './memory.js';
import { type Combination, prepareTiles } from './tileWork.js';
import { forEachTile, type PassOptions, segmentsOf, type Tile, VECTOR_COLUMNS } from './tiles.js';

/** Each chosen row's squared norm and squared distance to the result. */
export interface RowMeasures {
  readonly squaredNorms: Float64Array;
  readonly squaredDistances: Float64Array;
}

/**
 * Combines the rows into `into`.
 *
 * @param measures filled in as well, if given
 * @param direct whether `into` is a padded row of the core's memory, to be written in place
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
    const prepare = await prepareTiles(options, combination, shared);
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
    (4 * n * tile.columns) / VECTOR_COLUMNS,
  );
  for (let segment = 0; segment < segments; segment++) {
    const partial = session.arena.f64(sums + segment * n * 16, n * 2);
    for (let i = 0; i < n; i++) {
      squaredNorms[i]! += partial[2 * i]!;
      squaredDistances[i]! += partial[2 * i + 1]!;
    }
  }
}

/** Each chosen row's squared norm, which is finite only if every entry of the row is. */
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
