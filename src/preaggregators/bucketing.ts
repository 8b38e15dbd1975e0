import * as z from 'zod';
import { everyPoint, meanOf } from '../rules/nearest.js';
import { preaggregator } from './preaggregator.js';

/** mulberry32 (T. Ettinger, 2017, public domain): uniform numbers k / 2³², from integer operations only. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fisher and Yates' shuffle of 0 … n − 1. */
function permutation(n: number, seed: number): number[] {
  const uniform = mulberry32(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/**
 * Bucketing: permutes the updates by a seed and averages groups of s; the last group may be smaller.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, pipeline(bucketing({ s: 2, seed: round }), median()));
 */
export const bucketing = preaggregator({
  name: 'bucketing',
  summary: 'Means of groups of s updates, in a random order determined by the seed.',
  source: 'Karimireddy et al. 2022 (arXiv:2006.09365)',
  parameters: z.strictObject({
    s: z.int().min(1).describe('updates per group'),
    seed: z.int().min(0).max(0xffffffff).describe('seed of the permutation'),
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  needsDistances: false,
  ordered: true,
  outputs: (n, { s }) => Math.ceil(n / s),
  combine(geometry, { s, seed }) {
    const { n } = geometry;
    const order = permutation(n, seed);
    return everyPoint(geometry)
      .filter((i) => i % s === 0)
      .map((i) => meanOf(n, order.slice(i, i + s)));
  },
});
