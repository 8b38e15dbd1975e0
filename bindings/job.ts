/**
 * A job: one kernel over the columns of one tile, cut into segments that threads take as they become free.
 * Jobs are plain numbers (addresses in the shared memory) so that they can be posted to a thread.
 */
import type { ColumnSelection } from './selection.js';

/** One mixed row is this many columns of the tile at a time, to stay in the second-level cache. */
export const MIX_COLUMNS = 1024;
export const MIX_PITCH_BYTES = MIX_COLUMNS * 4 + 64;

/** Rows: `table` holds n addresses, of column 0 of the tile in each row. */
interface Rows {
  readonly table: number;
  readonly n: number;
}

/** m rows that are made from the tile's n as they are needed. */
export interface Mixing {
  readonly m: number;
  /** m × n f32 of weights; or, where each row is the mean of equally many, offsets as assembly/mixSubsets.ts has them. */
  readonly weights: { readonly matrix: number } | { readonly offsets: number; readonly scale: number };
}

export interface WeightedSumWork extends Rows {
  readonly kernel: 'weighted-sum';
  readonly weights: number;
  readonly divisor: number;
  readonly out: number;
}

/** `sums` has a square of (n + 1)² f64 for each segment. */
export interface PairwiseWork extends Rows {
  readonly kernel: 'pairwise-distances';
  readonly exact: boolean;
  readonly sums: number;
}

/** `sums` has n × 2 f64 for each segment. */
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
  /** Names the compiled module that the thread was taught before; absent if the network is interpreted. */
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
  /** One row, seen from `center` and scaled, into `out`. */
  readonly row: number;
  readonly center: number;
  readonly scale: number;
  readonly out: number;
}

export type Work =
  WeightedSumWork | PairwiseWork | RowDistancesWork | SelectionWork | SignVoteWork | PullWork;

export interface Job {
  readonly work: Work;
  /** Columns of the tile, a multiple of 16. */
  readonly columns: number;
  /** Address of the u32 that counts the segments taken. */
  readonly counter: number;
  /** Address of two u32: set to 1 if an input, or a result, was found not finite. */
  readonly flags: number;
  /** `scratchBytes` for each thread, from here on. */
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** A row of sixteen columns, where columns are taken again on scaled values. */
export const SCALED_ROW_BYTES = 64;

export const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** How a thread's scratch is laid out: offsets of its parts, and the bytes of all. */
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
