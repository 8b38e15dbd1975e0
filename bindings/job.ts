/**
 * A job: one kernel over the columns of one tile, divided into segments that free threads pick up. Jobs are plain data
 * (mostly addresses in the shared memory), so that they can be posted to a thread.
 */
import type { ColumnSelection } from './selection.js';

/** Columns of a mixed row that are made at a time, so that they stay in the second-level cache. */
export const MIX_COLUMNS = 1024;
export const MIX_PITCH_BYTES = MIX_COLUMNS * 4 + 64;

/** Rows: `table` is the address of n u32, each the address of column 0 of the tile in one row. */
interface Rows {
  readonly table: number;
  readonly n: number;
}

/** m rows that are made from the tile's n rows as they are needed. */
export interface Mixing {
  readonly m: number;
  /**
   * m × n f32 of weights; f64 if some are too small for float32; or, if each row is a mean of equally many rows, the offsets
   * of assembly/mixSubsets.ts.
   */
  readonly weights:
    | { readonly matrix: number }
    | { readonly exactMatrix: number }
    | { readonly offsets: number; readonly scale: number };
}

/** A weighted sum with weights in float64; `mixed` is a table of one address, that of the result. */
export interface ExactSumWork extends Rows {
  readonly kernel: 'exact-sum';
  readonly weights: number;
  readonly mixed: number;
  readonly out: number;
}

export interface WeightedSumWork extends Rows {
  readonly kernel: 'weighted-sum';
  readonly weights: number;
  readonly divisor: number;
  readonly out: number;
}

/** `sums` holds (n + 1)² f64 for each segment. */
export interface PairwiseWork extends Rows {
  readonly kernel: 'pairwise-distances';
  readonly exact: boolean;
  readonly sums: number;
}

/** `sums` holds n × 2 f64 for each segment. */
export interface RowDistancesWork extends Rows {
  readonly kernel: 'row-distances';
  readonly point: number;
  readonly sums: number;
}

/** The tables of a selection network that is interpreted. */
export interface NetworkTables {
  readonly network: number;
  readonly length: number;
  readonly wires: number;
}

export interface SelectionWork extends Rows {
  readonly kernel: 'selection';
  /** The name of a compiled module that the thread has learned. Absent if the network is interpreted. */
  readonly module?: string;
  readonly tables?: NetworkTables;
  readonly selection: ColumnSelection;
  readonly mixing?: Mixing;
  readonly out: number;
}

export interface SignVoteWork extends Rows {
  readonly kernel: 'sign-vote';
  readonly step: number;
  readonly mixing?: Mixing;
  readonly out: number;
}

export interface PullWork extends Rows {
  readonly kernel: 'pull';
  /** The address of the row whose scaled offset from `center` is written to `out`. */
  readonly row: number;
  readonly center: number;
  readonly scale: number;
  readonly out: number;
}

export type Work =
  WeightedSumWork | ExactSumWork | PairwiseWork | RowDistancesWork | SelectionWork | SignVoteWork | PullWork;

export interface Job {
  readonly work: Work;
  /** Columns of the tile, a multiple of 16. */
  readonly columns: number;
  /** Address of the u32 that counts the segments picked up. */
  readonly counter: number;
  /** Address of two u32, set to 1 if an input, or a result, is not finite. */
  readonly flags: number;
  /** Address of `scratchBytes` for each thread. */
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** A row of sixteen columns, for columns that are computed again on scaled values. */
export const SCALED_ROW_BYTES = 64;

/** Rounds up to whole cache lines. */
export const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** The layout of a thread's scratch memory: offsets of its parts, and the total size. */
export function scratchLayout(work: Work, tilePitchBytes: number) {
  const mixing = 'mixing' in work ? work.mixing : undefined;
  const m = mixing?.m ?? 0;
  const staged = work.kernel === 'selection' ? m || work.n : 0;
  const sums = aligned(m * 4); // after the table of the mixed rows' addresses
  const mixed = sums + (mixing && 'offsets' in mixing.weights ? 512 * Math.ceil(work.n / 4) : 0);
  const tile = mixed + m * MIX_PITCH_BYTES;
  // After the tile, a table and rows of scaled columns.
  const scaledBytes = aligned(staged * 4) + staged * SCALED_ROW_BYTES;
  return { sums, mixed, tile, bytes: aligned(tile + staged * tilePitchBytes + scaledBytes) };
}
