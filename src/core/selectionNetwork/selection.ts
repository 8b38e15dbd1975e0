/**
 * What a coordinate-wise rule reads from each sorted column s[0] ≤ … ≤ s[n − 1], and so which ranks its
 * selection network must bring out.
 *
 *   median           s[(n−1)/2], or the midpoint of the two middle values
 *   trimmed-mean     the mean of s[f … n−f−1]
 *   nearest-mean     the mean of the n − f values nearest to a center: the median, or the trimmed mean
 *
 * The n − f values nearest to any center are a window of n − f neighbors in sorted order, and such a window
 * has exactly one member of each residue class of ranks modulo n − f. So the window is found without a search:
 * each class gives its member nearest to the center (the lesser one on a tie).
 */
import { type RankUse, selectionNetwork } from './comparators.js';

export type ColumnSelection =
  | { readonly kind: 'median' }
  | { readonly kind: 'trimmed-mean'; readonly f: number }
  | { readonly kind: 'nearest-mean'; readonly f: number; readonly center: 'median' | 'trimmed-mean' };

const ranks = (from: number, to: number, step = 1) => {
  const list: number[] = [];
  for (let rank = from; rank < to; rank += step) list.push(rank);
  return list;
};

/** The one or two middle ranks. */
export const middleRanks = (n: number): readonly number[] =>
  n % 2 === 1 ? [(n - 1) / 2] : [n / 2 - 1, n / 2];

/** The ranks that a trimmed mean averages. */
export const trimmedRanks = (n: number, f: number): readonly number[] => ranks(f, n - f);

/** For each member of the nearest window, the ranks that it may have. */
export const windowClasses = (n: number, f: number): readonly (readonly number[])[] =>
  ranks(0, n - f).map((first) => ranks(first, n, n - f));

/** How each rank is used by a selection, as the network's pruning needs it. */
export function rankUses(n: number, selection: ColumnSelection): RankUse[] {
  const uses: RankUse[] = new Array<RankUse>(n).fill('drop');
  const mark = (list: readonly number[], use: RankUse) => list.forEach((rank) => (uses[rank] = use));
  switch (selection.kind) {
    case 'median':
      mark(middleRanks(n), 'sum'); // a midpoint needs not know which is the lesser
      break;
    case 'trimmed-mean':
      mark(trimmedRanks(n, selection.f), 'sum');
      break;
    case 'nearest-mean':
      for (const members of windowClasses(n, selection.f))
        mark(members, members.length === 1 ? 'sum' : 'read');
      if (selection.center === 'median') mark(middleRanks(n), 'read');
  }
  return uses;
}

/* A selection network as tables, for the kernel that interprets it (assembly/selection.ts). */

/** Two u32 for each comparator (low wire, high wire), and the wire of each rank. */
export function selectionTables(
  n: number,
  selection: ColumnSelection,
): { comparators: Uint32Array; wires: Uint32Array } {
  const { comparators, wireOfRank } = selectionNetwork(n, rankUses(n, selection));
  return {
    comparators: Uint32Array.from(comparators.flatMap(({ low, high }) => [low, high])),
    wires: Uint32Array.from(wireOfRank),
  };
}
