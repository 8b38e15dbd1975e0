/** Which metrics a round's line has room for: a node may call what it measured anything, and everybody keeps it. */
import { MOST_METRICS } from '../protocol/mostMetrics.js';
import type { Metrics } from '../protocol/names.js';

/** In order: those that most of the nodes report, so that the inventions of a few can't push out what the others measure. */
export function commonNames(reports: readonly Metrics[]): string[] {
  const counts = new Map<string, number>();
  for (const name of reports.flatMap(Object.keys)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([a, inA], [b, inB]) => inB - inA || (a < b ? -1 : 1))
    .slice(0, MOST_METRICS)
    .map(([name]) => name)
    .sort();
}
