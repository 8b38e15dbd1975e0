/**
 * How kernels address their rows, and how they reduce sums of squares to float64.
 *
 *   table   n u32: the address of column 0 of each row (of the current tile)
 *   row i, column c is at load<u32>(table + 4·i) + 4·c
 *
 * Kernels work on columns c0 … c1, multiples of 4; the host pads each row with zeros to a multiple of 16. With a table,
 * rather than a base and a stride, a kernel can run on any selection of rows without a copy.
 */

@inline
export function rowAt(table: usize, i: i32): usize {
  return <usize>load<u32>(table + ((<usize>i) << 2));
}

/** Moves the two upper float32 lanes down. */
@inline
export function upper(lanes: v128): v128 {
  return i64x2.shuffle(lanes, lanes, 1, 1);
}

/** The sum of four float32 lanes, in float64. */
@inline
export function fold(lanes: v128): f64 {
  const low = f64x2.promote_low_f32x4(lanes);
  const high = f64x2.promote_low_f32x4(upper(lanes));
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** acc + (a − b)², lane by lane. */
@inline
export function addSquaredDifference(acc: v128, a: v128, b: v128): v128 {
  const difference = f32x4.sub(a, b);
  return f32x4.add(acc, f32x4.mul(difference, difference));
}
