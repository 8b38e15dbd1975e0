/**
 * What a coordinate-wise rule takes from each sorted column s[0] ≤ … ≤ s[n − 1], and the kernel that reads it after an
 * interpreted network. The compiled form of each kind is in src/core/selectionNetwork/reductions.ts.
 *
 *   median          s[(n−1)/2], or the midpoint of the two middle values
 *   trimmed-mean    the mean of s[f … n−f−1]
 *   nearest-mean    the mean of the n − f values nearest to a center: the median, or the trimmed mean
 */
import type { CoreExports } from './abi.js';

/** A reduction of a sorted column to one value. Plain data, so that it can be posted to a thread. */
export type ColumnSelection =
  | { readonly kind: 'median' }
  | { readonly kind: 'trimmed-mean'; readonly f: number }
  | { readonly kind: 'nearest-mean'; readonly f: number; readonly center: 'median' | 'trimmed-mean' };

/** A tile whose network has run: n wires, and the table of the wire on which each rank ends. */
export interface SortedTile {
  readonly tile: number;
  readonly wires: number;
  readonly n: number;
}

/** Reduces `count` columns of the tile into `out`. */
export function readSelection(
  core: CoreExports,
  selection: ColumnSelection,
  { tile, wires, n }: SortedTile,
  out: number,
  count: number,
): void {
  switch (selection.kind) {
    case 'median':
      core.readMedian(tile, wires, n, out, count);
      return;
    case 'trimmed-mean':
      core.readTrimmedMean(tile, wires, n, selection.f, out, count);
      return;
    case 'nearest-mean':
      core.readNearestMean(tile, wires, n, selection.f, selection.center === 'median', out, count);
      return;
    default:
      selection satisfies never;
  }
}
