/**
 * Orders a network's comparators for a machine with few vector registers, and says when each wire's value is
 * loaded from memory and stored back.
 *
 * A straight-line function with a hundred live vectors makes V8's register allocator spill badly: 2–3× slower
 * on Node 20. So no more than `registers` wires are live at once, and each move to and from memory is explicit.
 * Greedy: of the comparators that may run, take one whose operands are both live, else one, else the first in
 * the network's (depth-first) order. The wire whose next use lies farthest ahead gives way (Belady 1966).
 */
import type { Comparator, Network } from './comparators.js';

export type ScheduleStep =
  | { readonly kind: 'load'; readonly wire: number }
  | { readonly kind: 'store'; readonly wire: number }
  | { readonly kind: 'drop'; readonly wire: number }
  | { readonly kind: 'compare'; readonly comparator: Comparator };

/**
 * @param keep the wires that are read after the last comparator
 * @param flush whether those must all be in memory, rather than live, at the end
 */
export function schedule(
  network: Network,
  comparators: readonly Comparator[],
  registers: number,
  keep: ReadonlySet<number>,
  flush: boolean,
): readonly ScheduleStep[] {
  const queues: number[][] = Array.from({ length: network.n }, () => []);
  comparators.forEach(({ low, high }, index) => {
    queues[low]!.push(index);
    queues[high]!.push(index);
  });
  const nextUse = (wire: number) => queues[wire]![0] ?? (keep.has(wire) ? comparators.length : Infinity);

  const steps: ScheduleStep[] = [];
  const live = new Set<number>();
  const changed = new Set<number>(); // live wires whose memory slot is out of date

  const store = (wire: number) => {
    if (changed.delete(wire)) steps.push({ kind: 'store', wire });
  };
  const evict = (spared: Comparator) => {
    let farthest = -1;
    for (const wire of live) {
      if (wire === spared.low || wire === spared.high) continue;
      if (farthest < 0 || nextUse(wire) > nextUse(farthest)) farthest = wire;
    }
    if (nextUse(farthest) !== Infinity) store(farthest);
    changed.delete(farthest);
    live.delete(farthest);
    steps.push({ kind: 'drop', wire: farthest });
  };
  const bringIn = (wire: number, comparator: Comparator) => {
    if (live.has(wire)) return;
    while (live.size >= registers) evict(comparator);
    steps.push({ kind: 'load', wire });
    live.add(wire);
  };

  const ready = new Set<number>();
  const offer = (wire: number) => {
    const index = queues[wire]![0];
    if (index === undefined) return;
    const { low, high } = comparators[index]!;
    if (queues[low]![0] === index && queues[high]![0] === index) ready.add(index);
  };
  for (let wire = 0; wire < network.n; wire++) offer(wire);

  const pick = () => {
    let best = -1;
    let bestLive = -1;
    for (const index of ready) {
      const { low, high } = comparators[index]!;
      const operandsLive = Number(live.has(low)) + Number(live.has(high));
      if (operandsLive > bestLive || (operandsLive === bestLive && index < best)) {
        [best, bestLive] = [index, operandsLive];
      }
    }
    return best;
  };

  while (ready.size > 0) {
    const index = pick();
    ready.delete(index);
    const comparator = comparators[index]!;
    const { low, high, needsLow, needsHigh } = comparator;
    bringIn(low, comparator);
    bringIn(high, comparator);
    steps.push({ kind: 'compare', comparator });
    for (const [wire, needed] of [
      [low, needsLow],
      [high, needsHigh],
    ] as const) {
      queues[wire]!.shift();
      if (needed) changed.add(wire);
      else {
        live.delete(wire);
        changed.delete(wire);
      }
      offer(wire);
    }
  }
  if (flush) for (const wire of [...live].sort((a, b) => a - b)) if (keep.has(wire)) store(wire);
  return steps;
}
