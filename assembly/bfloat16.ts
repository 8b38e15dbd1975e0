/**
 * bfloat16 ⇄ float32: the upper half of a float32, with its full range and 8 bits of precision.
 *
 *   16-bit side   count × 2 bytes, little-endian, any alignment
 *   32-bit side   count × 4 bytes, any alignment
 *
 * Nothing is read or written beyond `count` values; the two sides must not overlap. Any count ≥ 0. It uses only
 * integer arithmetic, so every host gives the same bits, even for NaN. Time O(count).
 */

/** Values per iteration: V8 spends about ten instructions per iteration on the loop itself. */
const VALUES_A_TURN_LOG2: usize = 5;

/** Lanes that hold NaN or an infinity become all ones, others zero. */
@inline
function special(values: v128): v128 {
  return i16x8.gt_s(v128.and(values, i16x8.splat(0x7fff)), i16x8.splat(0x7f7f));
}

/** Widens eight values. Returns `found` with all bits of the lanes set that hold NaN or an infinity. */
@inline
function decodeEight(values: v128, dst: usize, found: v128): v128 {
  const zero = i32x4.splat(0);
  v128.store(dst, i16x8.shuffle(zero, values, 0, 8, 1, 9, 2, 10, 3, 11));
  v128.store(dst, i16x8.shuffle(zero, values, 4, 12, 5, 13, 6, 14, 7, 15), 16);
  return v128.or(found, special(values));
}

/** Widens `count` values. @returns 0 if every value is finite, otherwise 1. */
export function decodeBfloat16(src: usize, dst: usize, count: i32): i32 {
  const end = dst + ((<usize>count) << 2);
  const turns = (<usize>count) >> VALUES_A_TURN_LOG2;
  let found = i32x4.splat(0);
  for (const whole = dst + (turns << 7); dst < whole; src += 64, dst += 128) {
    found = decodeEight(v128.load(src), dst, found);
    found = decodeEight(v128.load(src, 16), dst + 32, found);
    found = decodeEight(v128.load(src, 32), dst + 64, found);
    found = decodeEight(v128.load(src, 48), dst + 96, found);
  }
  for (; dst < end; src += 2, dst += 4) {
    const value = load<u16>(src);
    store<u32>(dst, (<u32>value) << 16);
    found = v128.or(found, special(i16x8.splat(value)));
  }
  return <i32>v128.any_true(found);
}

/** The largest magnitude that rounds to a finite value, about 3.396e38. */
const LAST_FINITE: i32 = 0x7f7f7fff;

/** Rounds four floats to the nearest upper half, ties to even. A NaN becomes a quiet one, never an infinity. */
@inline
function narrow(bits: v128, magnitude: v128): v128 {
  const odd = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(1));
  const rounded = i32x4.add(bits, i32x4.add(odd, i32x4.splat(0x7fff)));
  const quiet = v128.or(bits, i32x4.splat(0x00400000));
  const nan = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000));
  return i32x4.shr_u(v128.bitselect(quiet, rounded, nan), 16);
}

/** Narrows the eight floats a, b. Returns the larger of `largest` and their magnitudes, lane by lane. */
@inline
function encodeEight(a: v128, b: v128, dst: usize, largest: v128): v128 {
  const aMagnitude = v128.and(a, i32x4.splat(0x7fffffff));
  const bMagnitude = v128.and(b, i32x4.splat(0x7fffffff));
  v128.store(dst, i16x8.narrow_i32x4_u(narrow(a, aMagnitude), narrow(b, bMagnitude)));
  return i32x4.max_s(largest, i32x4.max_s(aMagnitude, bMagnitude));
}

/**
 * Narrows `count` values, rounding to the nearest, ties to even.
 * @returns 0 if every encoded value is finite, otherwise 1: an overflow (above 3.396e38), an infinity or a NaN.
 */
export function encodeBfloat16(src: usize, dst: usize, count: i32): i32 {
  const end = dst + ((<usize>count) << 1);
  const turns = (<usize>count) >> VALUES_A_TURN_LOG2;
  let largest = i32x4.splat(0);
  for (const whole = dst + (turns << 6); dst < whole; src += 128, dst += 64) {
    largest = encodeEight(v128.load(src), v128.load(src, 16), dst, largest);
    largest = encodeEight(v128.load(src, 32), v128.load(src, 48), dst + 16, largest);
    largest = encodeEight(v128.load(src, 64), v128.load(src, 80), dst + 32, largest);
    largest = encodeEight(v128.load(src, 96), v128.load(src, 112), dst + 48, largest);
  }
  for (; dst < end; src += 4, dst += 2) {
    const bits = v128.load32_splat(src);
    const magnitude = v128.and(bits, i32x4.splat(0x7fffffff));
    store<u16>(dst, <u16>i32x4.extract_lane(narrow(bits, magnitude), 0));
    largest = i32x4.max_s(largest, magnitude);
  }
  return <i32>v128.any_true(i32x4.gt_s(largest, i32x4.splat(LAST_FINITE)));
}
