/**
 * Per coordinate: the sign of the sum of signs, times `step`.
 *
 *   table   n row addresses (see rows.ts)
 *   out     column c at out + 4·c; must not overlap the rows
 *
 * Works on the columns c0 … c1 − 1, both multiples of 16. A tie gives +0; zeros of either sign don't vote.
 * While votes are counted, `out` holds the tallies as integers: with up to 16,384 columns per call they stay in the cache
 * while the rows stream by, four at a time.
 *
 * Returns 0 if every value read is finite, otherwise NaN. Requires n ≥ 1. Time O(n·(c1 − c0)), bound by memory.
 * Source: Bernstein et al. 2019 (arXiv:1810.05291).
 */
import { rowAt } from './rows';

/** Adds the votes of four values to the tally: a comparison that holds gives −1. */
@inline
function vote(tally: v128, x: v128): v128 {
  const zero = f32x4.splat(0);
  return i32x4.add(tally, i32x4.sub(f32x4.lt(x, zero), f32x4.gt(x, zero)));
}

/** x − x is +0 for a finite x and NaN otherwise. */
@inline
function unlessFinite(x: v128): v128 {
  return f32x4.sub(x, x);
}

/** Adds the votes of four rows on four columns. */
@inline
function takeFour(tally: usize, a: usize, b: usize, c: usize, d: usize, found: v128): v128 {
  const x = v128.load(a);
  const y = v128.load(b);
  const z = v128.load(c);
  const w = v128.load(d);
  v128.store(tally, vote(vote(vote(vote(v128.load(tally), x), y), z), w));
  const xy = v128.or(unlessFinite(x), unlessFinite(y));
  const zw = v128.or(unlessFinite(z), unlessFinite(w));
  return v128.or(found, v128.or(xy, zw));
}

@inline
function takeOne(tally: usize, a: usize, found: v128): v128 {
  const x = v128.load(a);
  v128.store(tally, vote(v128.load(tally), x));
  return v128.or(found, unlessFinite(x));
}

/** The tallies of four columns become ±step, or +0. */
@inline
function decide(tally: usize, up: v128, down: v128): void {
  const zero = i32x4.splat(0);
  const votes = v128.load(tally);
  const above = v128.and(up, i32x4.gt_s(votes, zero));
  const below = v128.and(down, i32x4.lt_s(votes, zero));
  v128.store(tally, v128.or(above, below));
}

export function signVote(table: usize, n: i32, step: f32, out: usize, c0: i32, c1: i32): f32 {
  const begin = (<usize>c0) << 2;
  const end = (<usize>c1) << 2;
  let found = i32x4.splat(0);

  memory.fill(out + begin, 0, end - begin);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const a = rowAt(table, i);
    const b = rowAt(table, i + 1);
    const c = rowAt(table, i + 2);
    const d = rowAt(table, i + 3);
    for (let k = begin; k < end; k += 64) {
      found = takeFour(out + k + 0, a + k + 0, b + k + 0, c + k + 0, d + k + 0, found);
      found = takeFour(out + k + 16, a + k + 16, b + k + 16, c + k + 16, d + k + 16, found);
      found = takeFour(out + k + 32, a + k + 32, b + k + 32, c + k + 32, d + k + 32, found);
      found = takeFour(out + k + 48, a + k + 48, b + k + 48, c + k + 48, d + k + 48, found);
    }
  }
  for (; i < n; i++) {
    const a = rowAt(table, i);
    for (let k = begin; k < end; k += 64) {
      found = takeOne(out + k + 0, a + k + 0, found);
      found = takeOne(out + k + 16, a + k + 16, found);
      found = takeOne(out + k + 32, a + k + 32, found);
      found = takeOne(out + k + 48, a + k + 48, found);
    }
  }

  const up = f32x4.splat(step);
  const down = f32x4.splat(-step);
  for (let k = begin; k < end; k += 64) {
    decide(out + k + 0, up, down);
    decide(out + k + 16, up, down);
    decide(out + k + 32, up, down);
    decide(out + k + 48, up, down);
  }
  return v128.any_true(found) ? NaN : 0;
}
