/**
 * The subset of n − f points whose covariance has the least top eigenvalue, exactly: a search of the subsets that is
 * pruned in two ways.
 *
 *  - The scatter Σ (x − mean)(x − mean)ᵀ of a set is at least that of each of its subsets, so a partial choice that
 *    is already as wide as the best known subset can't become a better one.
 *  - The top eigenvalue is at least the variance along any one direction, which costs n operations. The widest
 *    directions of earlier subsets rule out most others; only the rest have their eigenvalue computed.
 */
import * as z from 'zod';
import type { Geometry } from '../core/geometry.js';
import { byzantineBound } from '../core/validation.js';
import type { Cooperative } from '../core/cooperative.js';
import { QuorateError } from '../errors.js';
import { widestSpread } from './covariance.js';
import { everyPoint, leastIndices, meanOf } from './nearest.js';
import { linearRule } from './rule.js';

/** Of an unpruned search: subsets × the cost of an eigenvalue. This limit takes about half a minute. */
const MAX_OPERATIONS = 3e10;
const MAX_DIRECTIONS = 24;

function subsetCount(n: number, f: number): number {
  let count = 1;
  for (let k = 1; k <= f; k++) count = (count * (n - f + k)) / k;
  return count;
}

/** Σ (t_i − mean)² over the members: a lower bound of their scatter's top eigenvalue. */
function scatterAlong(projections: Float64Array, members: readonly number[]): number {
  let sum = 0;
  for (const i of members) sum += projections[i]!;
  const mean = sum / members.length;
  let squares = 0;
  for (const i of members) squares += (projections[i]! - mean) * (projections[i]! - mean);
  return squares;
}

/** A node of the search: `order[at]` and everything after it is undecided. */
interface Choice {
  readonly at: number;
  readonly kept: readonly number[];
}

class SubsetSearch {
  private readonly geometry: Geometry;
  private readonly size: number;
  private readonly directions: Float64Array[] = [];
  /** Outliers first: subsets that keep one are soon pruned. */
  private readonly order: readonly number[];
  private least = Infinity;
  private best: readonly number[] = [];

  constructor(geometry: Geometry, f: number) {
    this.geometry = geometry;
    this.size = geometry.n - f;
    this.order = leastIndices(
      widestSpread(geometry, meanOf(geometry.n, everyPoint(geometry))).projections.map((t) => -t * t),
      geometry.n,
    );
    this.evaluate(this.order.slice(f)); // a good first bound
  }

  private tooWide(members: readonly number[]): boolean {
    const found = this.directions.findIndex(
      (projections) => scatterAlong(projections, members) >= this.least,
    );
    if (found < 0) return false;
    if (found > 0) this.directions.unshift(...this.directions.splice(found, 1)); // likely to serve again
    return true;
  }

  private evaluate(members: readonly number[]): void {
    const weights = new Float64Array(this.geometry.n);
    for (const i of members) weights[i] = 1;
    const { variance, projections } = widestSpread(this.geometry, weights);
    this.directions.unshift(projections);
    this.directions.length = Math.min(this.directions.length, MAX_DIRECTIONS);
    const scatter = variance * members.length;
    if (scatter < this.least) [this.least, this.best] = [scatter, members];
  }

  /** The members of the best subset. Depth first; the branch without a row comes before the one with it. */
  *run(): Cooperative<readonly number[]> {
    const open: Choice[] = [{ at: 0, kept: [] }];
    for (let choice = open.pop(); choice; choice = open.pop()) {
      yield;
      open.push(...this.decide(choice));
    }
    return this.best;
  }

  /** The choices that follow, the next one last; none at the end of a branch. */
  private decide({ at, kept }: Choice): readonly Choice[] {
    if (kept.length > 1 && this.tooWide(kept)) return [];
    const wanted = this.size - kept.length;
    const left = this.order.length - at;
    if (wanted > 0 && wanted < left) {
      return [
        { at: at + 1, kept: [...kept, this.order[at]!] },
        { at: at + 1, kept },
      ];
    }
    const members = wanted === 0 ? kept : [...kept, ...this.order.slice(at)];
    if (!this.tooWide(members)) this.evaluate(members);
    return [];
  }
}

/**
 * Smallest maximum eigenvalue averaging: the mean of the n − f updates whose covariance has the least top eigenvalue, by
 * an exact search. Needs n > 2f.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER; `aggregate` throws SEARCH_TOO_LARGE where the search would take too long for this n and f
 * @example
 * const { value } = await aggregate(updates, smea({ f: 2 }));
 */
export const smea = linearRule({
  name: 'smea',
  summary: 'The mean of the n − f updates whose covariance has the least top eigenvalue; an exact search.',
  source: 'Allouah et al. 2023 (arXiv:2302.04787)',
  parameters: z.strictObject({ f: byzantineBound }),
  constraint: 'n > 2f',
  minUpdates: ({ f }) => 2 * f + 1,
  check(n, { f }) {
    const operations = subsetCount(n, f) * (n - f) ** 3;
    if (operations <= MAX_OPERATIONS) return;
    throw new QuorateError(
      'SEARCH_TOO_LARGE',
      `smea: the exact search over subsets of ${n - f} of ${n} updates may take ${operations.toExponential(1)} operations; the limit is ${MAX_OPERATIONS.toExponential(0)}`,
      { rule: 'smea', n, f },
    );
  },
  needsDistances: true,
  *weights(geometry, { f }) {
    return meanOf(geometry.n, yield* new SubsetSearch(geometry, f).run());
  },
});
