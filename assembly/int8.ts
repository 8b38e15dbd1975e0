/**
 * int8 × scale ⇄ float32: a vector as integers from −127 to 127 and one common factor.
 *
 *   8-bit side    count bytes, any alignment
 *   32-bit side   count × 4 bytes, any alignment
 *
 * Nothing is read or written beyond `count` values; the two sides must not overlap. Any count ≥ 0. It takes one
 * float multiplication per value, so every host gives the same bits. Time O(count).
 */

/** Widens 16 bytes. Returns `found` with bits set if a value is not finite: x − x is +0 or NaN. */
@inline
function decodeSixteen(bytes: v128, scale: v128, dst: usize, found: v128): v128 {
  const low = i16x8.extend_low_i8x16_s(bytes);
  const high = i16x8.extend_high_i8x16_s(bytes);
  const a = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), scale);
  const b = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), scale);
  const c = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), scale);
  const d = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), scale);
  v128.store(dst, a);
  v128.store(dst, b, 16);
  v128.store(dst, c, 32);
  v128.store(dst, d, 48);
  const ab = v128.or(f32x4.sub(a, a), f32x4.sub(b, b));
  const cd = v128.or(f32x4.sub(c, c), f32x4.sub(d, d));
  return v128.or(found, v128.or(ab, cd));
}

/**
 * value = byte · scale.
 * @returns 0 if every value is finite, otherwise 1: the scale is not finite, or too large for a byte.
 */
export function decodeInt8(src: usize, dst: usize, count: i32, scale: f32): i32 {
  const end = dst + ((<usize>count) << 2);
  const factor = f32x4.splat(scale);
  let found = i32x4.splat(0);
  for (const whole = dst + (((<usize>count) >> 5) << 7); dst < whole; src += 32, dst += 128) {
    found = decodeSixteen(v128.load(src), factor, dst, found);
    found = decodeSixteen(v128.load(src, 16), factor, dst + 64, found);
  }
  for (; dst < end; src += 1, dst += 4) {
    const value = f32x4.mul(f32x4.convert_i32x4_s(i32x4.splat(load<i8>(src))), factor);
    f32.store(dst, f32x4.extract_lane(value, 0));
    found = v128.or(found, f32x4.sub(value, value));
  }
  return <i32>v128.any_true(found);
}

/** 1.5 · 2²³: added to a small float, it leaves the nearest integer (ties to even) in the lowest bits. */
const ROUNDER: f32 = 12582912;

@inline
function nearestWhole(values: v128, factor: v128): v128 {
  const rounder = f32x4.splat(ROUNDER);
  return i32x4.sub(f32x4.add(f32x4.mul(values, factor), rounder), rounder);
}

@inline
function encodeSixteen(src: usize, factor: v128, dst: usize): void {
  const a = nearestWhole(v128.load(src), factor);
  const b = nearestWhole(v128.load(src, 16), factor);
  const c = nearestWhole(v128.load(src, 32), factor);
  const d = nearestWhole(v128.load(src, 48), factor);
  v128.store(dst, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

/**
 * byte = value · inverseScale, to the nearest and ties to even.
 *
 * Requires finite values and |value · inverseScale| < 127.5, which holds for inverseScale = 1 / scale and
 * scale ≥ largestMagnitude / 127; the host ensures both. Otherwise the bytes are meaningless.
 */
export function encodeInt8(src: usize, dst: usize, count: i32, inverseScale: f32): void {
  const end = dst + <usize>count;
  const factor = f32x4.splat(inverseScale);
  for (const whole = dst + ((<usize>count) & ~31); dst < whole; src += 128, dst += 32) {
    encodeSixteen(src, factor, dst);
    encodeSixteen(src + 64, factor, dst + 16);
  }
  for (; dst < end; src += 4, dst += 1) {
    store<i8>(dst, <i8>i32x4.extract_lane(nearestWhole(v128.load32_splat(src), factor), 0));
  }
}

/**
 * The largest |value|, for choosing the scale; 0 for count = 0.
 * @returns NaN or infinity if and only if the values contain one: as integers, their magnitudes are the largest.
 */
export function largestMagnitude(src: usize, count: i32): f32 {
  const end = src + ((<usize>count) << 2);
  const unsigned = i32x4.splat(0x7fffffff);
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (const whole = src + (((<usize>count) >> 4) << 6); src < whole; src += 64) {
    a = i32x4.max_s(a, v128.and(v128.load(src), unsigned));
    b = i32x4.max_s(b, v128.and(v128.load(src, 16), unsigned));
    c = i32x4.max_s(c, v128.and(v128.load(src, 32), unsigned));
    d = i32x4.max_s(d, v128.and(v128.load(src, 48), unsigned));
  }
  for (; src < end; src += 4) a = i32x4.max_s(a, v128.and(v128.load32_splat(src), unsigned));
  a = i32x4.max_s(i32x4.max_s(a, b), i32x4.max_s(c, d));
  const ab = max<i32>(i32x4.extract_lane(a, 0), i32x4.extract_lane(a, 1));
  const cd = max<i32>(i32x4.extract_lane(a, 2), i32x4.extract_lane(a, 3));
  return reinterpret<f32>(max<i32>(ab, cd));
}
