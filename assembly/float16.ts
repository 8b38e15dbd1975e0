/**
 * IEEE binary16 ⇄ float32.
 *
 *   16-bit side   count × 2 bytes, little-endian, any alignment
 *   32-bit side   count × 4 bytes, any alignment
 *
 * Nothing is read or written beyond `count` values, so the two sides may be slices of larger buffers; they must not
 * overlap. Any count ≥ 0. Time O(count). No arithmetic is done on NaN and infinities, so every host gives the same
 * bits; a NaN keeps its sign and, when widened, its payload.
 *
 * Widening adds the difference of the two exponent biases as an integer. For a zero or subnormal half, whose leading bit
 * is 0 instead of 1, the sum w is too large, and 2w − 2⁻¹⁴ is correct. For a normal half 2w − 2⁻¹⁴ is at least w, so the
 * smaller of the two is correct for both. An exponent of 31 needs the difference once more to become 255; it is added
 * together with the sign.
 */

/** Values per iteration: V8 spends about ten instructions per iteration on the loop itself. */
const VALUES_A_TURN_LOG2: usize = 5;

/** The difference of the biases, in the upper 16 bits of a float. */
const REBIAS: i16 = (127 - 15) << 7;

/** What remains to be added to the upper 16 bits of each float: the sign, and REBIAS for NaN and infinities. */
@inline
function remainder(halves: v128, special: v128): v128 {
  const sign = v128.and(halves, i16x8.splat(<i16>0x8000));
  return v128.or(sign, v128.and(special, i16x8.splat(REBIAS)));
}

/** The upper 16 bits of the floats, assuming that no exponent is 0 or 31. */
@inline
function rebiased(magnitudes: v128): v128 {
  return i16x8.add(i16x8.shr_u(magnitudes, 3), i16x8.splat(REBIAS));
}

@inline
function finish(w: v128, rest: v128): v128 {
  const doubled = i32x4.add(w, i32x4.splat(1 << 23));
  return i32x4.add(i32x4.min_s(w, f32x4.sub(doubled, f32x4.splat(0.00006103515625))), rest);
}

@inline
function interleaveLow(low: v128, high: v128): v128 {
  return i16x8.shuffle(low, high, 0, 8, 1, 9, 2, 10, 3, 11);
}

@inline
function interleaveHigh(low: v128, high: v128): v128 {
  return i16x8.shuffle(low, high, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Widens eight halves. Returns `found` with all bits of the lanes set that hold NaN or an infinity. */
@inline
function decodeEight(halves: v128, dst: usize, found: v128): v128 {
  const magnitudes = v128.and(halves, i16x8.splat(0x7fff));
  const special = i16x8.gt_s(magnitudes, i16x8.splat(0x7bff));
  const upper = rebiased(magnitudes);
  const lower = i16x8.shl(halves, 13);
  const rest = remainder(halves, special);
  const zero = i32x4.splat(0);
  v128.store(dst, finish(interleaveLow(lower, upper), interleaveLow(zero, rest)));
  v128.store(dst, finish(interleaveHigh(lower, upper), interleaveHigh(zero, rest)), 16);
  return v128.or(found, special);
}

/** Widens `count` values. @returns 0 if every value is finite, otherwise 1. */
export function decodeFloat16(src: usize, dst: usize, count: i32): i32 {
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
    const half = i16x8.splat(load<i16>(src));
    const magnitude = v128.and(half, i16x8.splat(0x7fff));
    const special = i16x8.gt_s(magnitude, i16x8.splat(0x7bff));
    const w = interleaveLow(i16x8.shl(half, 13), rebiased(magnitude));
    const value = finish(w, interleaveLow(i32x4.splat(0), remainder(half, special)));
    store<u32>(dst, i32x4.extract_lane(value, 0));
    found = v128.or(found, special);
  }
  return <i32>v128.any_true(found);
}

/** The largest magnitude that rounds to a finite half. From the midpoint of 65504 and 65536 on, it rounds to infinity. */
const LAST_FINITE: i32 = 0x477fefff;

/** Rounds the magnitudes of four floats to halves, to the nearest and ties to even. */
@inline
function narrow(magnitude: v128): v128 {
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const rounding = i32x4.add(odd, i32x4.splat(0xfff - (112 << 23)));
  const normal = i32x4.shr_u(i32x4.add(magnitude, rounding), 13);
  // The last bit of a float near 0.5 is worth 2⁻²⁴, as in a subnormal half, so the addition itself rounds.
  const small = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const isSmall = i32x4.lt_s(magnitude, i32x4.splat(113 << 23));
  // Everything too large, including NaN, exceeds infinity's code. The quiet bit then distinguishes NaN.
  const code = i32x4.min_s(v128.bitselect(small, normal, isSmall), i32x4.splat(0x7c00));
  const nan = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000));
  return v128.or(code, v128.and(nan, i32x4.splat(0x200)));
}

/** Narrows the eight floats a, b. Returns the larger of `largest` and their magnitudes, lane by lane. */
@inline
function encodeEight(a: v128, b: v128, dst: usize, largest: v128): v128 {
  const unsigned = i32x4.splat(0x7fffffff);
  const aMagnitude = v128.and(a, unsigned);
  const bMagnitude = v128.and(b, unsigned);
  const codes = i16x8.narrow_i32x4_u(narrow(aMagnitude), narrow(bMagnitude));
  const signs = i16x8.narrow_i32x4_s(i32x4.shr_s(a, 16), i32x4.shr_s(b, 16));
  v128.store(dst, v128.or(codes, v128.and(signs, i16x8.splat(<i16>0x8000))));
  return i32x4.max_s(largest, i32x4.max_s(aMagnitude, bMagnitude));
}

/**
 * Narrows `count` values, rounding to the nearest, ties to even. A NaN becomes the quiet NaN of its sign.
 * @returns 0 if every encoded value is finite, otherwise 1: an overflow (from 65520 on), an infinity or a NaN.
 */
export function encodeFloat16(src: usize, dst: usize, count: i32): i32 {
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
    const bits = load<u32>(src);
    const magnitude = i32x4.splat(bits & 0x7fffffff);
    store<u16>(dst, <u16>(i32x4.extract_lane(narrow(magnitude), 0) | ((bits >>> 31) << 15)));
    largest = i32x4.max_s(largest, magnitude);
  }
  return <i32>v128.any_true(i32x4.gt_s(largest, i32x4.splat(LAST_FINITE)));
}
