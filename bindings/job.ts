/**
 * A job: one kernel over the columns of one tile, cut into segments that threads take as they become free.
 * Jobs are plain numbers (addresses in the shared memory) so that they can be posted to a thread.
 */

/** One mixed row is this many columns of the tile at a time, to stay in the second-level cache. */
export const MIX_COLUMNS = 1024;
export const MIX_PITCH_BYTES = MIX_COLUMNS * 4 + 64;

/** Rows: `table` holds n addresses, of column 0 of the tile in each row. */
interface Rows {
  readonly table: number;
  readonly n: number;
}

/** Rows that are linear combinations of the tile's, made as they are needed: matrix is m × n f32. */
export interface Mixing {
  readonly matrix: number;
  readonly m: number;
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
  readonly selection: { readonly kind: string; readonly f: number; readonly aroundMedian: boolean };
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
  /** One row, seen from `centre` and scaled, into `out`. */
  readonly row: number;
  readonly centre: number;
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

/** Bytes of scratch that a thread needs for a piece of work. */
export function scratchBytesFor(work: Work, tilePitchBytes: number): number {
  const mixed = 'mixing' in work && work.mixing ? work.mixing.m : 0;
  const rows = work.kernel === 'selection' ? mixed || work.n : 0;
  const align = (bytes: number) => Math.ceil(bytes / 64) * 64;
  return align(mixed * 4) + mixed * MIX_PITCH_BYTES + rows * tilePitchBytes;
}
