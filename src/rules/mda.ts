/**
 * The subset of n − f points with the least diameter, exactly, without trying the C(n, f) subsets.
 *
 * A diameter r is possible if removing at most f points leaves no pair farther apart than r: a vertex cover of size f
 * in the graph of those pairs. To decide whether one exists, the search branches on the vertex of highest degree:
 * either it is removed, or all of its neighbors are. Graphs of degree two are chains and rings and need no branching.
 * This takes at most 1.47^f steps. Bisection over the sorted distances finds the least r.
 *
 * If several subsets have the least diameter, the first one in the order of the points is used, which is that of their
 * contents (aggregation/contentOrder.ts).
 */
import * as z from 'zod';
import type { Geometry } from '../core/geometry.js';
import { byzantineBound } from '../core/validation.js';
import type { Cooperative } from '../core/cooperative.js';
import { QuorateError } from '../errors.js';
import { meanOf } from './nearest.js';
import { linearRule } from './rule.js';

/** At f = 30, 1.47^f is 100,000 steps for each of some twenty decisions. */
const LARGEST_F = 30;

/** Edges join pairs that are too far apart; `removed` marks the vertices taken out. */
interface Graph {
  readonly neighbors: readonly (readonly number[])[];
  readonly removed: Uint8Array;
}

/** Cover size of a graph whose degrees are at most two: ⌊m/2⌋ for a chain of m vertices, ⌈m/2⌉ for a ring. */
function coverOfChains({ neighbors, removed }: Graph, degrees: Int32Array): number {
  const seen = Uint8Array.from(removed);
  let cover = 0;
  const walk = (from: number): number => {
    let length = 0;
    for (let at: number | undefined = from; at !== undefined; length++) {
      seen[at] = 1;
      at = neighbors[at]!.find((next) => !seen[next]);
    }
    return length;
  };
  degrees.forEach((degree, end) => {
    if (degree === 1 && !seen[end]) cover += walk(end) >> 1;
  });
  degrees.forEach((degree, start) => {
    if (degree === 2 && !seen[start]) cover += (walk(start) + 1) >> 1;
  });
  return cover;
}

/** Whether removing at most `budget` more vertices leaves no edge. */
function coverable(graph: Graph, budget: number): boolean {
  const { neighbors, removed } = graph;
  const degrees = new Int32Array(neighbors.length);
  let edges = 0;
  let highest = 0;
  for (let v = 0; v < neighbors.length; v++) {
    if (removed[v]) continue;
    for (const w of neighbors[v]!) if (!removed[w]) degrees[v]!++;
    edges += degrees[v]!;
    if (degrees[v]! > degrees[highest]!) highest = v;
  }
  edges /= 2;
  if (edges === 0) return true;
  if (edges > budget * degrees[highest]!) return false;
  if (degrees[highest]! <= 2) return coverOfChains(graph, degrees) <= budget;

  const without = (vertices: readonly number[]): boolean => {
    const gone = vertices.filter((v) => !removed[v]);
    if (gone.length > budget) return false;
    for (const v of gone) removed[v] = 1;
    const answer = coverable(graph, budget - gone.length);
    for (const v of gone) removed[v] = 0;
    return answer;
  };
  return without([highest]) || without(neighbors[highest]!);
}

/** The graph of pairs farther apart than a squared distance. */
function farPairs(geometry: Geometry, squared: number): Graph {
  const { n } = geometry;
  const neighbors = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_unused, j) => j).filter(
      (j) => j !== i && geometry.squaredDistance(i, j) > squared,
    ),
  );
  return { neighbors, removed: new Uint8Array(n) };
}

function* leastSquaredDiameter(geometry: Geometry, f: number): Cooperative<number> {
  const { n } = geometry;
  const distances = [0];
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) distances.push(geometry.squaredDistance(i, j));
  const sorted = Float64Array.from(distances).sort();
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    yield;
    const middle = (low + high) >> 1;
    if (coverable(farPairs(geometry, sorted[middle]!), f)) high = middle;
    else low = middle + 1;
  }
  return sorted[low]!;
}

/** The first subset, in the order of the rows, of n − f points none farther apart than the least diameter. */
function* firstSubset(geometry: Geometry, f: number): Cooperative<number[]> {
  const { n } = geometry;
  const { neighbors, removed } = farPairs(geometry, yield* leastSquaredDiameter(geometry, f));
  const kept: number[] = [];
  let budget = f;
  for (let i = 0; i < n && kept.length < n - f; i++) {
    if (removed[i]) continue;
    yield;
    const excluded = neighbors[i]!.filter((j) => !removed[j]);
    for (const j of excluded) removed[j] = 1;
    if (excluded.length <= budget && coverable({ neighbors, removed }, budget - excluded.length)) {
      kept.push(i);
      budget -= excluded.length;
      continue;
    }
    for (const j of excluded) removed[j] = 0;
    removed[i] = 1;
    budget--;
  }
  return kept;
}

/**
 * Minimum diameter averaging: the mean of the n − f updates whose largest mutual distance is smallest, by an exact
 * search. Needs n > 2f; f is at most 30.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER; `aggregate` throws SEARCH_TOO_LARGE for f > 30
 * @example
 * const { value } = await aggregate(updates, mda({ f: 2 }));
 */
export const mda = linearRule({
  name: 'mda',
  summary: 'The mean of the n − f updates with the least diameter; an exact search.',
  source: 'El Mhamdi et al. 2020 (arXiv:1905.03853)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  check(n, { f }) {
    if (f <= LARGEST_F) return;
    throw new QuorateError(
      'SEARCH_TOO_LARGE',
      `mda: f must be at most ${LARGEST_F} for the exact search; got ${f}`,
      { rule: 'mda', n, f, largest: LARGEST_F },
    );
  },
  needsDistances: true,
  *weights(geometry, { f }) {
    return meanOf(geometry.n, yield* firstSubset(geometry, f));
  },
});
