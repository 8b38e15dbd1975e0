/** A selection network as tables, for the kernel that interprets it (assembly/selection.ts). */
import { selectionNetwork } from './comparators.js';
import { rankUses, type Selection } from './selection.js';

/** Two u32 for each comparator (low wire, high wire), and the wire of each rank. */
export function selectionTables(
  n: number,
  selection: Selection,
): { comparators: Uint32Array; wires: Uint32Array } {
  const { comparators, wireOfRank } = selectionNetwork(n, rankUses(n, selection));
  return {
    comparators: Uint32Array.from(comparators.flatMap(({ low, high }) => [low, high])),
    wires: Uint32Array.from(wireOfRank),
  };
}
