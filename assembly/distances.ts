/**
 * Squared Euclidean distances over a segment of columns, as sums of direct differences (a − b)².
 *
 * The Gram matrix is no alternative: ‖a‖² + ‖b‖² − 2a·b loses all digits if a and b are close to each other and far from
 * zero. Differences are taken in float32, which is exact for values within a factor of two of each other
 * (Sterbenz), summed in float32 over BLOCK columns, and then in float64.
 *
 * Squares of differences above 1.8e19 overflow float32, and those below 1e−19 lose digits. So a sum that is not finite,
 * or too small to be accurate, is computed again in float64, which holds every float32's square. An attacker's 1e38 thus
 * slows down only its own pairs, and a sum that is still not finite proves a NaN or an infinity.
 *
 * Sums are stored, not accumulated: the host adds up the segments in order.
 */
import { addSquaredDifference, fold, rowAt, upper } from './rows';

/** Columns whose squares are added in float32 (64 per lane) before the sum is added in float64. */
const BLOCK_BYTES: usize = 1024;

/** Below this sum per column, underflow may have cost some of its 24 bits. */
const SMALLEST_TRUSTED: f64 = 1e-36;

@inline
function trusted(sum: f64, columns: i32): bool {
  return sum < Infinity && sum > SMALLEST_TRUSTED * <f64>columns;
}

/** ‖a − b‖² in float64. Equal rows, common with sparse models, are detected first, at a quarter of the cost. */
function exactSquaredDistance(a: usize, b: usize, from: usize, to: usize): f64 {
  let different = i32x4.splat(0);
  for (let k = from; k < to; k += 16)
    different = v128.or(different, v128.xor(v128.load(a + k), v128.load(b + k)));
  if (!v128.any_true(different)) {
    let nonFinite = f32x4.splat(0);
    for (let k = from; k < to; k += 16)
      nonFinite = f32x4.add(nonFinite, f32x4.mul(v128.load(a + k), f32x4.splat(0)));
    return fold(nonFinite);
  }
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let k = from; k < to; k += 16) {
    const x = v128.load(a + k),
      y = v128.load(b + k);
    const l = f64x2.sub(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y));
    const h = f64x2.sub(f64x2.promote_low_f32x4(upper(x)), f64x2.promote_low_f32x4(upper(y)));
    low = f64x2.add(low, f64x2.mul(l, l));
    high = f64x2.add(high, f64x2.mul(h, h));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** ‖a‖² in float64. */
function exactSquaredNorm(a: usize, from: usize, to: usize): f64 {
  let sum = f64x2.splat(0);
  for (let k = from; k < to; k += 16) {
    const x = v128.load(a + k);
    const l = f64x2.promote_low_f32x4(x);
    const h = f64x2.promote_low_f32x4(upper(x));
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(l, l), f64x2.mul(h, h)));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

@inline
function addTo(sums: usize, index: i32, lanes: v128): void {
  const at = sums + ((<usize>index) << 3);
  store<f64>(at, load<f64>(at) + fold(lanes));
}

/** Adds one block of the squared distances between rows i … i+3 and j, j+1; a row beyond the last repeats it. */
function addTile(table: usize, n: i32, sums: usize, i: i32, j: i32, from: usize, to: usize): void {
  const points = n + 1;
  const i1 = min(i + 1, n - 1),
    i2 = min(i + 2, n - 1),
    i3 = min(i + 3, n - 1),
    j1 = min(j + 1, n - 1);
  const a0 = rowAt(table, i),
    a1 = rowAt(table, i1),
    a2 = rowAt(table, i2),
    a3 = rowAt(table, i3);
  const b0 = rowAt(table, j),
    b1 = rowAt(table, j1);
  let s00 = f32x4.splat(0),
    s10 = s00,
    s20 = s00,
    s30 = s00,
    s01 = s00,
    s11 = s00,
    s21 = s00,
    s31 = s00;
  for (let k = from; k < to; k += 16) {
    const x0 = v128.load(a0 + k),
      x1 = v128.load(a1 + k),
      x2 = v128.load(a2 + k),
      x3 = v128.load(a3 + k);
    const y0 = v128.load(b0 + k),
      y1 = v128.load(b1 + k);
    s00 = addSquaredDifference(s00, x0, y0);
    s10 = addSquaredDifference(s10, x1, y0);
    s20 = addSquaredDifference(s20, x2, y0);
    s30 = addSquaredDifference(s30, x3, y0);
    s01 = addSquaredDifference(s01, x0, y1);
    s11 = addSquaredDifference(s11, x1, y1);
    s21 = addSquaredDifference(s21, x2, y1);
    s31 = addSquaredDifference(s31, x3, y1);
  }
  addTo(sums, i * points + j, s00);
  addTo(sums, i1 * points + j, s10);
  addTo(sums, i2 * points + j, s20);
  addTo(sums, i3 * points + j, s30);
  if (j1 == j) return;
  addTo(sums, i * points + j1, s01);
  addTo(sums, i1 * points + j1, s11);
  addTo(sums, i2 * points + j1, s21);
  addTo(sums, i3 * points + j1, s31);
}

/** Adds one block of the distances among rows i … i+count−1 (count ≤ 4), and of their norms. */
function addDiagonal(table: usize, n: i32, sums: usize, i: i32, count: i32, from: usize, to: usize): void {
  const points = n + 1;
  const i1 = min(i + 1, n - 1),
    i2 = min(i + 2, n - 1),
    i3 = min(i + 3, n - 1);
  const a0 = rowAt(table, i),
    a1 = rowAt(table, i1),
    a2 = rowAt(table, i2),
    a3 = rowAt(table, i3);
  let n0 = f32x4.splat(0),
    n1 = n0,
    n2 = n0,
    n3 = n0;
  let s01 = n0,
    s02 = n0,
    s03 = n0,
    s12 = n0,
    s13 = n0,
    s23 = n0;
  for (let k = from; k < to; k += 16) {
    const x0 = v128.load(a0 + k),
      x1 = v128.load(a1 + k),
      x2 = v128.load(a2 + k),
      x3 = v128.load(a3 + k);
    n0 = f32x4.add(n0, f32x4.mul(x0, x0));
    n1 = f32x4.add(n1, f32x4.mul(x1, x1));
    n2 = f32x4.add(n2, f32x4.mul(x2, x2));
    n3 = f32x4.add(n3, f32x4.mul(x3, x3));
    s01 = addSquaredDifference(s01, x0, x1);
    s02 = addSquaredDifference(s02, x0, x2);
    s03 = addSquaredDifference(s03, x0, x3);
    s12 = addSquaredDifference(s12, x1, x2);
    s13 = addSquaredDifference(s13, x1, x3);
    s23 = addSquaredDifference(s23, x2, x3);
  }
  addTo(sums, i * points + n, n0);
  if (count < 2) return;
  addTo(sums, i1 * points + n, n1);
  addTo(sums, i * points + i1, s01);
  if (count < 3) return;
  addTo(sums, i2 * points + n, n2);
  addTo(sums, i * points + i2, s02);
  addTo(sums, i1 * points + i2, s12);
  if (count < 4) return;
  addTo(sums, i3 * points + n, n3);
  addTo(sums, i * points + i3, s03);
  addTo(sums, i1 * points + i3, s13);
  addTo(sums, i2 * points + i3, s23);
}

/**
 * All pairs of n rows and the origin, which is point n.
 *
 *   sums    (n+1) × (n+1) f64, of which only i < j are meaningful
 *   exact   whether to compute all of them in float64, for so few columns that float32 errors would not average out
 */
export function pairwiseDistances(table: usize, n: i32, sums: usize, exact: bool, c0: i32, c1: i32): void {
  const points = n + 1;
  memory.fill(sums, 0, (<usize>(points * points)) << 3);
  const to = (<usize>c1) << 2;
  for (let from = (<usize>c0) << 2; from < to && !exact; from += BLOCK_BYTES) {
    const end = min(from + BLOCK_BYTES, to);
    for (let i = 0; i < n; i += 4) {
      addDiagonal(table, n, sums, i, min(4, n - i), from, end);
      for (let j = i + 4; j < n; j += 2) addTile(table, n, sums, i, j, from, end);
    }
  }
  const from = (<usize>c0) << 2;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j <= n; j++) {
      const at = sums + ((<usize>(i * points + j)) << 3);
      if (!exact && trusted(load<f64>(at), c1 - c0)) continue;
      const a = rowAt(table, i);
      store<f64>(
        at,
        j < n ? exactSquaredDistance(a, rowAt(table, j), from, to) : exactSquaredNorm(a, from, to),
      );
    }
  }
}

/**
 * Each row's squared norm and squared distance to one point.
 *
 *   point   column c at point + 4·c
 *   sums    n × 2 f64: ‖x_i‖², ‖x_i − point‖²
 */
export function rowDistances(table: usize, n: i32, point: usize, sums: usize, c0: i32, c1: i32): void {
  const start = (<usize>c0) << 2;
  const to = (<usize>c1) << 2;
  for (let i = 0; i < n; i++) {
    const row = rowAt(table, i);
    let norm: f64 = 0,
      distance: f64 = 0;
    for (let from = start; from < to; from += BLOCK_BYTES) {
      const end = min(from + BLOCK_BYTES, to);
      let s0 = f32x4.splat(0),
        s1 = s0,
        t0 = s0,
        t1 = s0;
      let k = from;
      for (; k + 32 <= end; k += 32) {
        const x = v128.load(row + k),
          y = v128.load(row + k, 16);
        s0 = f32x4.add(s0, f32x4.mul(x, x));
        s1 = f32x4.add(s1, f32x4.mul(y, y));
        t0 = addSquaredDifference(t0, x, v128.load(point + k));
        t1 = addSquaredDifference(t1, y, v128.load(point + k, 16));
      }
      if (k < end) {
        const x = v128.load(row + k);
        s0 = f32x4.add(s0, f32x4.mul(x, x));
        t0 = addSquaredDifference(t0, x, v128.load(point + k));
      }
      norm += fold(f32x4.add(s0, s1));
      distance += fold(f32x4.add(t0, t1));
    }
    if (!trusted(norm, c1 - c0)) norm = exactSquaredNorm(row, start, to);
    if (!trusted(distance, c1 - c0)) distance = exactSquaredDistance(row, point, start, to);
    store<f64>(sums + ((<usize>i) << 4), norm);
    store<f64>(sums + ((<usize>i) << 4), distance, 8);
  }
}
