/**
 * Copies a row and computes its squared norm.
 *
 *   src, dst   count f32; any alignment; not overlapping, or equal to measure only
 *
 * Returns Σ x², which is finite if and only if no value is NaN or an infinity.
 *
 * Squares are summed in float32, in 16 lanes of 16 values; the sums of each such block are added in float64. For an
 * honest row this is accurate to 1e-6 and costs nothing beyond the copy (float64 throughout would cost 30–50 % more).
 * If float32 doesn't suffice, because a square overflows (a value beyond 1.8e19) or too many squares underflow, the row
 * is measured again in float64, in which the square of a float32 is exact.
 *
 * Lanes and blocks are fixed by the position in the row, so a row has the same norm on every host, and trailing
 * zeros don't change it: `count` may include the row's padding or leave it out. Any count ≥ 0. Time O(count).
 */

const BLOCK_BYTES: usize = 1024;

/** Four floats from `src`, with zeros in place of those at or after `end`. */
@inline
function loadBefore(src: usize, end: usize): v128 {
  if (src + 16 <= end) return v128.load(src);
  if (src + 12 == end) return v128.load32_lane(src, v128.load64_zero(src), 2, 8);
  if (src + 8 == end) return v128.load64_zero(src);
  if (src + 4 == end) return v128.load32_zero(src);
  return i32x4.splat(0);
}

@inline
function addSquares(sum: v128, x: v128): v128 {
  return f32x4.add(sum, f32x4.mul(x, x));
}

@inline
function addSquaredPair(sum: v128, x: v128): v128 {
  const wide = f64x2.promote_low_f32x4(x);
  return f64x2.add(sum, f64x2.mul(wide, wide));
}

@inline
function upper(x: v128): v128 {
  return i64x2.shuffle(x, x, 1, 1);
}

@inline
function total(low: v128, high: v128): f64 {
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Σ x² in float64 throughout: finite for all finite values. */
function squaredNormWide(src: usize, end: usize): f64 {
  let low = f64x2.splat(0);
  let high = low;
  for (; src < end; src += 16) {
    const x = loadBefore(src, end);
    low = addSquaredPair(low, x);
    high = addSquaredPair(high, upper(x));
  }
  return total(low, high);
}

/** A float32 square below 2⁻¹²⁶ has an error of up to 2⁻¹⁵⁰, which above this mean square is less than half an ulp. */
const MIN_MEAN_SQUARE: f64 = 1.1754943508222875e-38;

export function copyChecked(src: usize, dst: usize, count: i32): f64 {
  const copy = dst;
  const size = (<usize>count) << 2;
  const end = src + size;
  const whole = src + (size & ~63);
  let low = f64x2.splat(0);
  let high = low;
  while (src < end) {
    const blockEnd = min<usize>(src + BLOCK_BYTES, end);
    const wholeEnd = min<usize>(blockEnd, whole);
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    for (; src < wholeEnd; src += 64, dst += 64) {
      const p = v128.load(src);
      const q = v128.load(src, 16);
      const r = v128.load(src, 32);
      const s = v128.load(src, 48);
      v128.store(dst, p);
      v128.store(dst, q, 16);
      v128.store(dst, r, 32);
      v128.store(dst, s, 48);
      a = addSquares(a, p);
      b = addSquares(b, q);
      c = addSquares(c, r);
      d = addSquares(d, s);
    }
    if (src < blockEnd) {
      a = addSquares(a, loadBefore(src, end));
      b = addSquares(b, loadBefore(src + 16, end));
      c = addSquares(c, loadBefore(src + 32, end));
      d = addSquares(d, loadBefore(src + 48, end));
      for (; src < end; src += 4, dst += 4) store<u32>(dst, load<u32>(src));
    }
    a = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
    low = f64x2.add(low, f64x2.promote_low_f32x4(a));
    high = f64x2.add(high, f64x2.promote_low_f32x4(upper(a)));
  }
  const sum = total(low, high);
  const padded = (<usize>count + 15) & ~15;
  if (sum < Infinity && sum >= MIN_MEAN_SQUARE * <f64>padded) return sum;
  return squaredNormWide(copy, copy + size);
}
