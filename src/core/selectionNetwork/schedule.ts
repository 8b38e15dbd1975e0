/**
 * Orders a network's comparators for a machine with few vector registers, and determines when each wire's value is loaded
 * from memory and stored back.
 *
 * A straight-line function with a hundred live vectors makes V8's register allocator spill badly: 2–3× slower on Node
 * 20. So at most `registers` wires are live at once, and each move to and from memory is explicit. The order is greedy:
 * among the comparators that may run, prefer one with both operands live, then one with one operand live, then the first
 * in the network's (depth-first) order. The wire with the most distant next use is evicted (Belady 1966).
 */
import type { Comparator, Network } from './comparators.js';

/** A step of the emitted code. */
export type ScheduleStep =
  | { readonly kind: 'load'; readonly wire: number }
  | { readonly kind: 'store'; readonly wire: number }
  | { readonly kind: 'drop'; readonly wire: number }
  | { readonly kind: 'compare'; readonly comparator: Comparator };

/**
 * Schedules a network's comparators, or a run of them.
 *
 * @param keep the wires that are read after the last comparator
 * @param flush whether these must be in memory at the end, rather than live
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
