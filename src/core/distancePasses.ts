/**
 * The passes that measure distances: one over all pairs, and where some rows are so far away that combinations would
 * lose the others (see geometry.ts), a second one with those rows pulled in.
 */
import type { Work } from '../../bindings/job.js';
import type { EngineSession } from './engine.js';
import type { OutlierRow } from './geometry.js';
import { Allocation } from './memory.js';
import { forEachTile, type PassOptions, segmentsOf, type TiledRows, VECTOR_COLUMNS } from './tiles.js';

/** Up to this many columns, distances are computed in float64, which costs little and decides near-ties correctly. */
const MAX_EXACT_COLUMNS = 4096;

/** Relative error of a squared distance that is summed in float64, and of one that is rounded to float32 on the way. */
const EXACT_PRECISION = 2 ** -40;
const ROUNDED_PRECISION = 2 ** -22;

/** The relative error of the squared distances of rows of d entries, some of them pulled in or none. */
export const precisionOf = (d: number, pulled: boolean): number =>
  d <= MAX_EXACT_COLUMNS && !pulled ? EXACT_PRECISION : ROUNDED_PRECISION;

const columnsOf = (rows: TiledRows) => ('batch' in rows ? rows.batch.d : rows.source.d);

/** Squared distances between the chosen rows and, last, the origin: (n + 1)² values. Not finite for rows that are not. */
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
 * The same with outlier rows pulled in, measured on offsets from the center: D̂ of geometry.ts, except that the origin's
 * distances are to the pulled rows themselves.
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
        await session.run(work, columns, (3 * columns) / VECTOR_COLUMNS);
        pulled.push(out);
      }
      await total.add(session, allocation.u32(pulled), columns);
    } finally {
      allocation.releaseAll();
    }
  });
  // The row of zeros is the origin; the last point of the sum is the center.
  const all = total.symmetric();
  return Float64Array.from(
    { length: (n + 1) ** 2 },
    (_, k) => all[Math.floor(k / (n + 1)) * (n + 2) + (k % (n + 1))]!,
  );
}

/** Accumulates the squared distances of each segment, in order. */
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

  /** Bytes per segment. */
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
      const operations = (3 * ((n * n) / 2) * columns) / VECTOR_COLUMNS;
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

  /** The whole matrix, of which the kernel fills only one half. */
  symmetric(): Float64Array {
    const { size, total } = this;
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) total[i * size + j] = total[j * size + i]!;
    return total;
  }
}
