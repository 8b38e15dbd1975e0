/**
 * The linear rules' last step: out[c] = Σ weight_i · x_i[c] / divisor.
 *
 *   table    n row addresses (see rows.ts)          weights   n f32, none above 1: a plain mean has weights of 1 and
 *                                                             is divided by n, which is exact where sums are
 *   out      column c at out + 4·c; written, never read before it is written
 *   returns  f32: the greatest |out[c]|, which is finite only if every result is
 *
 * A value that is NaN or infinite makes its column so, whatever its weight, so a finite result also proves that
 * every value read was finite. Where a sum overflows, or tiny
 * products lose digits to underflow, it is taken in float64. The host calls it on at most 8,192 columns at a time, so that `out` stays in the
 * cache while eight rows at a time are added to it: from memory, each row is read once.
 */
import { largestMagnitude } from './int8';
import { rowAt, upper } from './rows';

/** 2^−100: a product with a weight of 2^−26 or more is then still a normal number. */
const TINY: f32 = 7.888609e-31;

@inline
function term(row: usize, weight: v128, offset: usize): v128 {
  return f32x4.mul(v128.load(row + offset), weight);
}

@inline
function weightAt(weights: usize, i: i32): v128 {
  return v128.load32_splat(weights + ((<usize>i) << 2));
}

/** Adds eight rows to out, or begins it with them; the sums form a tree, which is both faster and more exact. */
function addEight(
  table: usize,
  weights: usize,
  first: i32,
  out: usize,
  from: usize,
  to: usize,
  begin: bool,
): void {
  const r0 = rowAt(table, first),
    r1 = rowAt(table, first + 1),
    r2 = rowAt(table, first + 2),
    r3 = rowAt(table, first + 3);
  const r4 = rowAt(table, first + 4),
    r5 = rowAt(table, first + 5),
    r6 = rowAt(table, first + 6),
    r7 = rowAt(table, first + 7);
  const w0 = weightAt(weights, first),
    w1 = weightAt(weights, first + 1),
    w2 = weightAt(weights, first + 2);
  const w3 = weightAt(weights, first + 3),
    w4 = weightAt(weights, first + 4),
    w5 = weightAt(weights, first + 5);
  const w6 = weightAt(weights, first + 6),
    w7 = weightAt(weights, first + 7);
  for (let k = from; k < to; k += 16) {
    const a = f32x4.add(
      f32x4.add(term(r0, w0, k), term(r1, w1, k)),
      f32x4.add(term(r2, w2, k), term(r3, w3, k)),
    );
    const b = f32x4.add(
      f32x4.add(term(r4, w4, k), term(r5, w5, k)),
      f32x4.add(term(r6, w6, k), term(r7, w7, k)),
    );
    const sum = f32x4.add(a, b);
    v128.store(out + k, begin ? sum : f32x4.add(v128.load(out + k), sum));
  }
}

function addTwo(
  table: usize,
  weights: usize,
  first: i32,
  out: usize,
  from: usize,
  to: usize,
  begin: bool,
): void {
  const r0 = rowAt(table, first),
    r1 = rowAt(table, first + 1);
  const w0 = weightAt(weights, first),
    w1 = weightAt(weights, first + 1);
  for (let k = from; k < to; k += 16) {
    const sum = f32x4.add(term(r0, w0, k), term(r1, w1, k));
    v128.store(out + k, begin ? sum : f32x4.add(v128.load(out + k), sum));
  }
}

function addOne(table: usize, weights: usize, i: i32, out: usize, from: usize, to: usize, begin: bool): void {
  const row = rowAt(table, i);
  const weight = weightAt(weights, i);
  for (let k = from; k < to; k += 16) {
    const sum = term(row, weight, k);
    v128.store(out + k, begin ? sum : f32x4.add(v128.load(out + k), sum));
  }
}

/** Whether results of this greatest magnitude may be sums of subnormal terms. */
@inline
export function mayUnderflow(greatest: f32): bool {
  return greatest > 0 && greatest < TINY;
}

/** The greatest magnitude in columns from … to (in bytes) of a row. */
@inline
export function greatestIn(row: usize, from: usize, to: usize): f32 {
  return largestMagnitude(row + from, <i32>((to - from) >> 2));
}

/** The same in float64, which holds every product of two float32 exactly; one rounding at the end. */
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
    v128.store(out + k, i64x2.shuffle(left, right, 0, 2));
  }
}

/**
 * Divides what was summed, and makes −0 to +0. Returns the greatest magnitude: as integers, the magnitudes of NaN and
 * infinity are the greatest of all, so it is finite only if every result is.
 */
function finish(out: usize, divisor: f32, from: usize, to: usize): f32 {
  const zero = f32x4.splat(0);
  const whole = f32x4.splat(divisor);
  const unsigned = i32x4.splat(0x7fffffff);
  let greatest = i32x4.splat(0);
  for (let k = from; k < to; k += 16) {
    const value = f32x4.add(f32x4.div(v128.load(out + k), whole), zero);
    v128.store(out + k, value);
    greatest = i32x4.max_s(greatest, v128.and(value, unsigned));
  }
  const ab = max<i32>(i32x4.extract_lane(greatest, 0), i32x4.extract_lane(greatest, 1));
  const cd = max<i32>(i32x4.extract_lane(greatest, 2), i32x4.extract_lane(greatest, 3));
  return reinterpret<f32>(max<i32>(ab, cd));
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
  let i = 0;
  for (; i + 8 <= n; i += 8) addEight(table, weights, i, out, from, to, i == 0);
  for (; i + 2 <= n; i += 2) addTwo(table, weights, i, out, from, to, i == 0);
  if (i < n) addOne(table, weights, i, out, from, to, i == 0);

  const greatest = finish(out, divisor, from, to);
  if (isFinite(greatest) && !mayUnderflow(greatest)) return greatest;
  exactWeightedSum(table, n, weights, divisor, out, from, to);
  return finish(out, 1, from, to);
}
