/**
 * Selection networks: a fixed list of comparators that brings chosen ranks of n values to known wires.
 *
 * The base is Batcher's odd-even merge sort for any n, each list split where the two sorts and their merge
 * cost least (a table built once, by dynamic programming), then pruned backwards to what is read from it. A comparator
 * whose outputs are both dropped, or both only summed, has no visible effect and is removed; if one output is dropped,
 * only half of the comparator is computed.
 *
 * The comparators don't depend on the data, so neither does the time, and every host computes the same bits.
 * Source: Batcher 1968, "Sorting networks and their applications"; the merge for any two lengths is that of
 * Knuth, The Art of Computer Programming 3, section 5.3.4.
 */

/** Puts the smaller value on wire `low` and the larger on wire `high`. A half that isn't needed is not computed. */
export interface Comparator {
  readonly low: number;
  readonly high: number;
  readonly needsLow: boolean;
  readonly needsHigh: boolean;
}

/** How the value of a rank is used: not at all, in a sum whose order doesn't matter, or on its own. */
export type RankUse = 'drop' | 'sum' | 'read';

/** A pruned network for n values. */
export interface Network {
  readonly n: number;
  readonly comparators: readonly Comparator[];
  /** The wire on which each rank ends. A rank used as 'sum' may end on the wire of any summed rank. */
  readonly wireOfRank: readonly number[];
}

type Pair = readonly [low: number, high: number];

/** Merges two sorted lists of wires and appends its comparators. Returns the wires in sorted order. */
function merge(a: readonly number[], b: readonly number[], pairs: Pair[]): readonly number[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  if (a.length === 1 && b.length === 1) {
    pairs.push([a[0]!, b[0]!]);
    return [a[0]!, b[0]!];
  }
  const everySecond = (wires: readonly number[], from: number) => wires.filter((_, i) => i % 2 === from);
  const evens = merge(everySecond(a, 0), everySecond(b, 0), pairs);
  const odds = merge(everySecond(a, 1), everySecond(b, 1), pairs);
  const sorted = [evens[0]!];
  let i = 0;
  for (; i < odds.length && i + 1 < evens.length; i++) {
    pairs.push([odds[i]!, evens[i + 1]!]);
    sorted.push(odds[i]!, evens[i + 1]!);
  }
  sorted.push(...odds.slice(i), ...evens.slice(i + 1));
  return sorted;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const mergeCosts = new Map<string, number>();
function mergeCost(a: number, b: number): number {
  const key = `${a},${b}`;
  let cost = mergeCosts.get(key);
  if (cost === undefined) {
    const evens = Math.ceil(a / 2) + Math.ceil(b / 2);
    const odds = Math.floor(a / 2) + Math.floor(b / 2);
    if (a === 0 || b === 0) cost = 0;
    else if (a === 1 && b === 1) cost = 1;
    else {
      cost =
        mergeCost(Math.ceil(a / 2), Math.ceil(b / 2)) +
        mergeCost(Math.floor(a / 2), Math.floor(b / 2)) +
        Math.min(odds, evens - 1);
    }
    mergeCosts.set(key, cost);
  }
  return cost;
}

/** Longer lists are halved: for them the cheapest split gains under 1 % and takes long to find. */
const LARGEST_SEARCHED_SPLIT = 256;
const sortCosts = [0, 0];
const splits = [0, 0];
function cheapestSplit(n: number): number {
  if (n > LARGEST_SEARCHED_SPLIT) return n >> 1;
  for (let size = sortCosts.length; size <= n; size++) {
    sortCosts[size] = Infinity;
    for (let a = 1; a <= size >> 1; a++) {
      const cost = sortCosts[a]! + sortCosts[size - a]! + mergeCost(a, size - a);
      if (cost < sortCosts[size]!) [sortCosts[size], splits[size]] = [cost, a];
    }
  }
  return splits[n]!;
}

function sort(wires: readonly number[], pairs: Pair[]): readonly number[] {
  if (wires.length < 2) return wires;
  const split = cheapestSplit(wires.length);
  return merge(sort(wires.slice(0, split), pairs), sort(wires.slice(split), pairs), pairs);
}

/** The network that provides the ranks 0 (least) … n − 1 for the given uses. */
export function selectionNetwork(n: number, uses: readonly RankUse[]): Network {
  const pairs: Pair[] = [];
  const wireOfRank = sort(range(0, n), pairs);
  const use: RankUse[] = [];
  wireOfRank.forEach((wire, rank) => (use[wire] = uses[rank]!));

  const kept: Comparator[] = [];
  for (const [low, high] of pairs.reverse()) {
    if (use[low] === use[high] && use[low] !== 'read') continue;
    kept.push({ low, high, needsLow: use[low] !== 'drop', needsHigh: use[high] !== 'drop' });
    use[low] = use[high] = 'read';
  }
  return { n, comparators: kept.reverse(), wireOfRank };
}
