/**
 * The last step of linear rules: out[c] = Σ weight_i · x_i[c] / divisor.
 *
 *   table    n row addresses (see rows.ts)          weights   n f32, none above 1: a plain mean has weights of 1 and
 *                                                             is divided by n, which is exact if sums are
 *   out      column c at out + 4·c; written, never read before it is written
 *   c0, c1   multiples of 16; c0 a whole number of segments
 *   returns  f32: the largest |out[c]|, which is finite only if every result is
 *
 * A NaN or infinite value makes its column not finite, whatever its weight, so a finite result also proves that every
 * value read was finite. A segment in which a sum overflows, or small products lose digits to underflow, is computed
 * again in float64.
 *
 * Twelve rows at a time are added to `out`, sixteen columns per step: as many streams as the processor's prefetching
 * handles. Up to twelve rows take one pass, which only writes `out`; with more rows, the last pass also divides. The host
 * calls it on at most 32,768 columns at a time: long enough for prefetching to start, short enough that `out` stays in the
 * second-level cache between passes.
 */
import { largestMagnitude } from './int8';
import { rowAt, upper } from './rows';

/** 2^−100: a product with a weight of 2^−26 or more is then still a normal number. */
const TINY: f32 = 7.888609e-31;
/** Bytes of a segment of 8,192 columns (bindings/abi.ts), the unit that is computed again in float64. */
const SEGMENT_BYTES: usize = 32768;
const ROWS_A_PASS = 12;

@inline
function term(row: usize, weight: v128, offset: usize): v128 {
  return f32x4.mul(v128.load(row + offset), weight);
}

/** Four columns of four weighted rows; the sums form a tree, which is both faster and more exact. */
@inline
function sumOfFour(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  w0: v128,
  w1: v128,
  w2: v128,
  w3: v128,
  offset: usize,
): v128 {
  return f32x4.add(
    f32x4.add(term(r0, w0, offset), term(r1, w1, offset)),
    f32x4.add(term(r2, w2, offset), term(r3, w3, offset)),
  );
}

/** The final step of the last pass: divides, and normalizes −0 to +0. */
@inline
function divided(sum: v128, divisor: v128): v128 {
  return f32x4.add(f32x4.div(sum, divisor), f32x4.splat(0));
}

/** The largest of four lanes of magnitudes, as integers: NaN and infinity are the largest. */
@inline
function greatestLane(lanes: v128): f32 {
  const ab = max<i32>(i32x4.extract_lane(lanes, 0), i32x4.extract_lane(lanes, 1));
  const cd = max<i32>(i32x4.extract_lane(lanes, 2), i32x4.extract_lane(lanes, 3));
  return reinterpret<f32>(max<i32>(ab, cd));
}

/**
 * Adds `count` weighted rows to `out`, or starts it with them. If they are the last ones, divides, and returns the
 * largest magnitude.
 */
function addRows(
  table: usize,
  weights: usize,
  count: i32,
  divisor: f32,
  out: usize,
  from: usize,
  to: usize,
  begin: bool,
  last: bool,
): f32 {
  const zero = f32x4.splat(0);
  const whole = f32x4.splat(divisor);
  const unsigned = i32x4.splat(0x7fffffff);
  const fours = (<usize>(count & ~3)) << 2,
    all = (<usize>count) << 2;
  let greatest = zero;
  for (let k = from; k < to; k += 64) {
    let s0 = zero,
      s1 = zero,
      s2 = zero,
      s3 = zero;
    if (!begin) {
      s0 = v128.load(out + k);
      s1 = v128.load(out + k, 16);
      s2 = v128.load(out + k, 32);
      s3 = v128.load(out + k, 48);
    }
    let at: usize = 0;
    for (; at < fours; at += 16) {
      const r0 = <usize>load<u32>(table + at) + k,
        r1 = <usize>load<u32>(table + at, 4) + k;
      const r2 = <usize>load<u32>(table + at, 8) + k,
        r3 = <usize>load<u32>(table + at, 12) + k;
      const w0 = v128.load32_splat(weights + at),
        w1 = v128.load32_splat(weights + at, 4);
      const w2 = v128.load32_splat(weights + at, 8),
        w3 = v128.load32_splat(weights + at, 12);
      s0 = f32x4.add(s0, sumOfFour(r0, r1, r2, r3, w0, w1, w2, w3, 0));
      s1 = f32x4.add(s1, sumOfFour(r0, r1, r2, r3, w0, w1, w2, w3, 16));
      s2 = f32x4.add(s2, sumOfFour(r0, r1, r2, r3, w0, w1, w2, w3, 32));
      s3 = f32x4.add(s3, sumOfFour(r0, r1, r2, r3, w0, w1, w2, w3, 48));
    }
    for (; at < all; at += 4) {
      const row = <usize>load<u32>(table + at) + k;
      const weight = v128.load32_splat(weights + at);
      s0 = f32x4.add(s0, term(row, weight, 0));
      s1 = f32x4.add(s1, term(row, weight, 16));
      s2 = f32x4.add(s2, term(row, weight, 32));
      s3 = f32x4.add(s3, term(row, weight, 48));
    }
    if (last) {
      s0 = divided(s0, whole);
      s1 = divided(s1, whole);
      s2 = divided(s2, whole);
      s3 = divided(s3, whole);
      greatest = i32x4.max_s(greatest, i32x4.max_s(v128.and(s0, unsigned), v128.and(s1, unsigned)));
      greatest = i32x4.max_s(greatest, i32x4.max_s(v128.and(s2, unsigned), v128.and(s3, unsigned)));
    }
    v128.store(out + k, s0);
    v128.store(out + k, s1, 16);
    v128.store(out + k, s2, 32);
    v128.store(out + k, s3, 48);
  }
  return greatestLane(greatest);
}

/** Whether results with this largest magnitude may be sums of subnormal terms. */
@inline
export function mayUnderflow(greatest: f32): bool {
  return greatest > 0 && greatest < TINY;
}

/** The largest magnitude in columns from … to (in bytes) of a row. */
@inline
export function greatestIn(row: usize, from: usize, to: usize): f32 {
  return largestMagnitude(row + from, <i32>((to - from) >> 2));
}

/** The same in float64, which holds every product of two float32 exactly, with one rounding at the end. */
export function exactWeightedSum(
  table: usize,
  n: i32,
  weights: usize,
  divisor: f32,
  out: usize,
  from: usize,
  to: usize,
): void {
  const whole = f64x2.splat(<f64>divisor);
  for (let k = from; k < to; k += 16) {
    let low = f64x2.splat(0),
      high = low;
    for (let i = 0; i < n; i++) {
      const x = v128.load(rowAt(table, i) + k);
      const weight = f64x2.splat(<f64>load<f32>(weights + ((<usize>i) << 2)));
      low = f64x2.add(low, f64x2.mul(weight, f64x2.promote_low_f32x4(x)));
      high = f64x2.add(high, f64x2.mul(weight, f64x2.promote_low_f32x4(upper(x))));
    }
    const left = f32x4.demote_f64x2_zero(f64x2.div(low, whole));
    const right = f32x4.demote_f64x2_zero(f64x2.div(high, whole));
    v128.store(out + k, f32x4.add(i64x2.shuffle(left, right, 0, 2), f32x4.splat(0))); // −0 becomes +0
  }
}

export function weightedSum(
  table: usize,
  n: i32,
  weights: usize,
  divisor: f32,
  out: usize,
  c0: i32,
  c1: i32,
): f32 {
  const from = (<usize>c0) << 2;
  const to = (<usize>c1) << 2;
  let first = 0;
  for (; first + ROWS_A_PASS < n; first += ROWS_A_PASS) {
    const at = (<usize>first) << 2;
    addRows(table + at, weights + at, ROWS_A_PASS, 1, out, from, to, first == 0, false);
  }
  const at = (<usize>first) << 2;
  let greatest: f32 = 0;
  for (let k = from; k < to; k += SEGMENT_BYTES) {
    const end = min(k + SEGMENT_BYTES, to);
    let here = addRows(table + at, weights + at, n - first, divisor, out, k, end, first == 0, true);
    if (!isFinite(here) || mayUnderflow(here)) {
      exactWeightedSum(table, n, weights, divisor, out, k, end);
      here = greatestIn(out, k, end);
    }
    if (!isFinite(here)) return here;
    greatest = max(greatest, here);
  }
  return greatest;
}
