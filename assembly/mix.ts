/**
 * Pre-aggregation on data, in front of a coordinate-wise rule: y_k = Σ_i matrix[k][i] · x_i.
 *
 *   table    n row addresses            matrix   m × n f32, row-major; entries may be zero
 *   mixed    m row addresses, written to; column c of a mixed row at its address + 4·c
 *
 * Four mixed rows by eight columns are held in registers. The weights of a mixed row sum to at most 1, so no
 * finite input overflows.
 */
import { rowAt } from './rows';
import { exactWeightedSum, greatestIn, mayUnderflow } from './weightedSum';

export function mix(table: usize, n: i32, matrix: usize, m: i32, mixed: usize, c0: i32, c1: i32): void {
  const from = (<usize>c0) << 2;
  const to = (<usize>c1) << 2;
  const pitch = (<usize>n) << 2;
  for (let k = from; k < to; k += 32) {
    for (let i = 0; i < m; i += 4) {
      const i1 = min(i + 1, m - 1),
        i2 = min(i + 2, m - 1),
        i3 = min(i + 3, m - 1);
      const w0 = matrix + <usize>i * pitch,
        w1 = matrix + <usize>i1 * pitch;
      const w2 = matrix + <usize>i2 * pitch,
        w3 = matrix + <usize>i3 * pitch;
      let s0 = f32x4.splat(0),
        s1 = s0,
        s2 = s0,
        s3 = s0,
        t0 = s0,
        t1 = s0,
        t2 = s0,
        t3 = s0;
      for (let j = 0; j < n; j++) {
        const row = rowAt(table, j) + k;
        const at = (<usize>j) << 2;
        const x = v128.load(row),
          y = v128.load(row, 16);
        const u0 = v128.load32_splat(w0 + at),
          u1 = v128.load32_splat(w1 + at);
        const u2 = v128.load32_splat(w2 + at),
          u3 = v128.load32_splat(w3 + at);
        s0 = f32x4.add(s0, f32x4.mul(x, u0));
        s1 = f32x4.add(s1, f32x4.mul(x, u1));
        s2 = f32x4.add(s2, f32x4.mul(x, u2));
        s3 = f32x4.add(s3, f32x4.mul(x, u3));
        t0 = f32x4.add(t0, f32x4.mul(y, u0));
        t1 = f32x4.add(t1, f32x4.mul(y, u1));
        t2 = f32x4.add(t2, f32x4.mul(y, u2));
        t3 = f32x4.add(t3, f32x4.mul(y, u3));
      }
      put(mixed, i3, k, s3, t3);
      put(mixed, i2, k, s2, t2);
      put(mixed, i1, k, s1, t1);
      put(mixed, i, k, s0, t0);
    }
  }
  for (let i = 0; i < m; i++) {
    const row = rowAt(mixed, i);
    if (mayUnderflow(greatestIn(row, from, to)))
      exactWeightedSum(table, n, matrix + <usize>i * pitch, 1, row, from, to);
  }
}

@inline
function put(mixed: usize, i: i32, k: usize, left: v128, right: v128): void {
  const row = rowAt(mixed, i) + k;
  v128.store(row, left);
  v128.store(row, right, 16);
}

/** The offset of a row from another, scaled by a power of two: out = scale · (x − center). */
export function pull(row: usize, center: usize, scale: f32, out: usize, c0: i32, c1: i32): void {
  const to = (<usize>c1) << 2;
  const factor = f32x4.splat(scale);
  for (let k = (<usize>c0) << 2; k < to; k += 16) {
    v128.store(out + k, f32x4.mul(f32x4.sub(v128.load(row + k), v128.load(center + k)), factor));
  }
}
