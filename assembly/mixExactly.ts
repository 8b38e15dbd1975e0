/**
 * The same as `mix` with weights in float64, where some are too small for float32: a row of 1e38 that is clipped to the
 * length 1e−3 has a weight of 1e−41. Products and sums are in float64 and rounded once; −0 becomes +0.
 *
 *   table    n row addresses            matrix   m × n f64, row-major
 *   mixed    m row addresses, written to; column c of a mixed row at its address + 4·c
 */
import { rowAt, upper } from './rows';

export function mixExactly(
  table: usize,
  n: i32,
  matrix: usize,
  m: i32,
  mixed: usize,
  c0: i32,
  c1: i32,
): void {
  const to = (<usize>c1) << 2;
  for (let i = 0; i < m; i++) {
    const weights = matrix + ((<usize>i * <usize>n) << 3);
    const out = rowAt(mixed, i);
    for (let k = (<usize>c0) << 2; k < to; k += 16) {
      let low = f64x2.splat(0),
        high = low;
      for (let j = 0; j < n; j++) {
        const x = v128.load(rowAt(table, j) + k);
        const weight = v128.load64_splat(weights + ((<usize>j) << 3));
        low = f64x2.add(low, f64x2.mul(weight, f64x2.promote_low_f32x4(x)));
        high = f64x2.add(high, f64x2.mul(weight, f64x2.promote_low_f32x4(upper(x))));
      }
      const left = f32x4.demote_f64x2_zero(low);
      const right = f32x4.demote_f64x2_zero(high);
      v128.store(out + k, f32x4.add(i64x2.shuffle(left, right, 0, 2), f32x4.splat(0)));
    }
  }
}
