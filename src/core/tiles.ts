/**
 * Brings rows to the kernels, a range of columns at a time. Rows in the core's memory form a single tile, without a copy.
 * Other rows are copied; while the kernels work on one tile, the next is read.
 *
 * Tiles begin at segment boundaries, so that the sums over segments, and every bit of a result, are the same for any
 * tile size.
 */
import { SEGMENT_COLUMNS } from '../../bindings/abi.js';
import { QuorateError } from '../errors.js';
import type { Batch, EngineSession } from './engine.js';
import { Allocation, type Arena, paddedColumns } from './memory.js';
import type { RowSource } from './source.js';

/** A range of columns of the chosen rows, in the core's memory. */
export interface Tile {
  /** Columns `first` … `first + width − 1` of the whole. */
  readonly first: number;
  readonly width: number;
  /** `width` padded to a multiple of 16, as kernels need it. */
  readonly columns: number;
  /** The address of the tile's first column in each chosen row. */
  readonly addresses: readonly number[];
  /** The same addresses, in the core's memory. */
  readonly table: number;
}

/** Rows that are in the core's memory, or must be copied to it. */
export type TiledRows = { readonly batch: Batch } | { readonly source: RowSource };

/** How to tile. */
export interface TileOptions {
  readonly arena: Arena;
  readonly threads: number;
  /** Rows of float32 that the work needs besides the source's. */
  readonly extraRows: number;
  /** Bytes that the work needs per segment of a tile. */
  readonly bytesPerSegment: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a pass over the data needs. */
export interface PassOptions {
  readonly session: EngineSession;
  readonly threads: number;
  /** Set where the memory is shared, as modules that import it must declare. */
  readonly sharedMaximumPages: number | undefined;
  readonly rows: TiledRows;
  /** Which rows, in order. */
  readonly chosen: readonly number[];
  readonly signal: AbortSignal | undefined;
  /** Called once for each tile, while its rows are in the core's memory. */
  readonly onTile?: ((tile: Tile) => void) | undefined;
}

/** Columns that one vector operation handles. */
export const VECTOR_COLUMNS = 4;

export const segmentsOf = (columns: number) => Math.ceil(columns / SEGMENT_COLUMNS);

/** One thread: tiles that stay in the second-level cache. Several threads: tiles large enough to share. */
const SMALL_TILE_BYTES = 1024 * 1024;
const LARGE_TILE_BYTES = 16 * 1024 * 1024;

/** @throws QuorateError ABORTED if the signal has aborted */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new QuorateError('ABORTED', 'the aggregation was aborted', {}, signal.reason);
}

/** Visits all tiles of the chosen rows, one after the other. @throws QuorateError ABORTED, MEMORY_LIMIT, SOURCE_FAILED */
export async function forEachTile(
  rows: TiledRows,
  chosen: readonly number[],
  options: TileOptions,
  visit: (tile: Tile) => Promise<void>,
): Promise<void> {
  stopIfAborted(options.signal);
  const allocation = new Allocation(options.arena);
  try {
    if ('batch' in rows) {
      const { batch } = rows;
      const addresses = chosen.map((row) => batch.rowAddress(row));
      await forEachPiece({ d: batch.d, addresses }, options, visit);
    } else await forEachCopiedTile(rows.source, chosen, options, allocation, visit);
  } finally {
    allocation.releaseAll();
  }
}

/** Rows that need no copy form one tile, except for work that allocates rows itself, which gets tiles of limited size. */
async function forEachPiece(
  { d, addresses }: { readonly d: number; readonly addresses: readonly number[] },
  options: TileOptions,
  visit: (tile: Tile) => Promise<void>,
): Promise<void> {
  const whole = paddedColumns(d);
  const maxColumns = options.extraRows <= 1 ? whole : tileSize(0, d, options).columns;
  for (let first = 0; first < d; first += maxColumns) {
    const allocation = new Allocation(options.arena);
    try {
      const here = addresses.map((address) => address + 4 * first);
      const width = Math.min(maxColumns, d - first);
      await visit({
        first,
        width,
        columns: paddedColumns(width),
        addresses: here,
        table: allocation.u32(here),
      });
      stopIfAborted(options.signal);
    } finally {
      allocation.releaseAll();
    }
  }
}

/** A tile's columns, and whether there is room to read the next tile meanwhile. */
interface TileSize {
  readonly columns: number;
  readonly double: boolean;
}

/** As many segments as fit, at least one; two tiles if there is room for both. */
function tileSize(n: number, d: number, options: TileOptions): TileSize {
  const { extraRows, bytesPerSegment } = options;
  const least = Math.min(SEGMENT_COLUMNS, paddedColumns(d));
  const bytesFor = (copies: number) => (copies * n + extraRows) * (least * 4 + 64) + bytesPerSegment;
  const available = Math.floor(options.arena.largestFreeBytes * 0.9);
  if (bytesFor(1) > available) {
    throw new QuorateError(
      'MEMORY_LIMIT',
      `${n} rows need ${bytesFor(1)} bytes of the core's memory at once; ${available} are free`,
      { needed: bytesFor(1), available },
    );
  }
  const double = bytesFor(2) <= available;
  const wanted = options.threads === 1 ? SMALL_TILE_BYTES : LARGE_TILE_BYTES;
  const segments = Math.max(1, Math.floor(Math.min(wanted, available) / bytesFor(double ? 2 : 1)));
  return { columns: Math.min(segments * SEGMENT_COLUMNS, paddedColumns(d)), double };
}

async function forEachCopiedTile(
  source: RowSource,
  chosen: readonly number[],
  options: TileOptions,
  allocation: Allocation,
  visit: (tile: Tile) => Promise<void>,
): Promise<void> {
  const { arena, signal } = options;
  const { d } = source;
  const { columns: maxColumns, double } = tileSize(chosen.length, d, options);
  // An odd number of cache lines between rows, so that they fall into different cache sets.
  const rowBytes = maxColumns * 4 + 64;
  const places: { addresses: number[]; table: number }[] = [];
  const place = (index: number) => {
    places[index] ??= (() => {
      const start = allocation.take(chosen.length * rowBytes);
      const addresses = chosen.map((_, i) => start + i * rowBytes);
      return { addresses, table: allocation.u32(addresses) };
    })();
    return places[index];
  };

  /** Starts to fill a place. Returns a promise only if the source does. */
  const fill = (first: number, index: number): Promise<void> | undefined => {
    const { addresses } = place(index);
    const width = Math.min(maxColumns, d - first);
    const reads: Promise<void>[] = [];
    chosen.forEach((row, i) => {
      arena.f32(addresses[i]! + width * 4, paddedColumns(width) - width).fill(0);
      const read = readRow(source, row, first, arena.f32(addresses[i]!, width));
      if (read) reads.push(read);
    });
    if (reads.length === 0) return undefined;
    const filled = settle(reads);
    filled.catch(() => undefined); // it is awaited later, after the kernels have finished the previous tile
    return filled;
  };

  let index = 0;
  let filling = fill(0, index);
  for (let first = 0; first < d; first += maxColumns) {
    const asynchronous = filling !== undefined;
    await filling;
    const width = Math.min(maxColumns, d - first);
    const tile = { first, width, columns: paddedColumns(width), ...place(index) };
    const more = first + maxColumns < d;
    // An asynchronous source reads ahead while the kernels run; a synchronous one would only evict their rows.
    const ahead = asynchronous && double;
    if (ahead && more) {
      index = 1 - index;
      filling = fill(first + maxColumns, index);
    }
    try {
      await visit(tile);
      stopIfAborted(signal);
    } catch (error) {
      if (more) await filling?.catch(() => undefined); // it may still write to this memory
      throw error;
    }
    if (!ahead && more) filling = fill(first + maxColumns, index);
  }
}

/** Starts a read. @throws QuorateError SOURCE_FAILED */
function readRow(
  source: RowSource,
  row: number,
  column: number,
  into: Float32Array,
): Promise<void> | undefined {
  try {
    return source.read(row, column, into) ?? undefined;
  } catch (error) {
    throw sourceFailed(error);
  }
}

function sourceFailed(reason: unknown): QuorateError {
  if (reason instanceof QuorateError) return reason;
  return new QuorateError('SOURCE_FAILED', `a source could not read its rows: ${String(reason)}`, {}, reason);
}

/** Waits for all reads to end, even if one fails: the others would write into freed memory. */
async function settle(reads: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(reads);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw sourceFailed(failed.reason);
}
