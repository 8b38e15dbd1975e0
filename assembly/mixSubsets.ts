/**
 * Pre-aggregation on data if every mixed row is the mean of equally many rows, as in nearest-neighbor mixing:
 * y_k = scale · Σ_{i ∈ N(k)} x_i.
 *
 * Rows are processed in groups of four. The 16 sums of each group's subsets are computed once, and each mixed row adds
 * one of them per group: a quarter of the additions, and one multiplication per row. Unlike the sum of all rows minus the
 * excluded ones, this never subtracts, so an attacker's 1e30 affects only mixed rows that contain it.
 *
 *   table     n row addresses               offsets   m × ⌈n/4⌉ u32: 32 · (16 · b + subset of four b), as bits
 *   sums      scratch, 512 · ⌈n/4⌉ bytes    mixed     m row addresses, written to
 *
 * Works on columns c0 … c1, multiples of 16, eight at a time. Rows are scaled before they are added, so that no finite
 * input overflows; if all results are so small that this loses digits, the sums are scaled instead. Source: Arlazarov, Dinic, Kronrod & Faradžev 1970 (the method of four Russians).
 */
import { rowAt } from './rows';
import { greatestIn, mayUnderflow } from './weightedSum';

@inline
function storePair(at: usize, left: v128, right: v128): void {
  v128.store(at, left);
  v128.store(at, right, 16);
}

/** Writes the sums of all subsets of up to four rows. Missing rows count as zero. */
@inline
function subsetSums(table: usize, n: i32, first: i32, k: usize, scale: v128, sums: usize): void {
  storePair(sums, f32x4.splat(0), f32x4.splat(0));
  for (let member = 0; member < 4; member++) {
    const size: usize = 32 << member;
    let left = f32x4.splat(0),
      right = left;
    if (first + member < n) {
      const row = rowAt(table, first + member) + k;
      left = f32x4.mul(v128.load(row), scale);
      right = f32x4.mul(v128.load(row, 16), scale);
    }
    for (let subset: usize = 0; subset < size; subset += 32) {
      const from = sums + subset;
      storePair(from + size, f32x4.add(v128.load(from), left), f32x4.add(v128.load(from, 16), right));
    }
  }
}

function mixScaled(
  table: usize,
  n: i32,
  offsets: usize,
  m: i32,
  before: f32,
  after: f32,
  sums: usize,
  mixed: usize,
  from: usize,
  to: usize,
): void {
  const factor = f32x4.splat(before),
    last = f32x4.splat(after);
  const fours = (n + 3) >> 2;
  for (let k = from; k < to; k += 32) {
    for (let b = 0; b < fours; b++) subsetSums(table, n, 4 * b, k, factor, sums + ((<usize>b) << 9));
    let at = offsets;
    for (let i = 0; i < m; i++) {
      const begin = sums + <usize>load<u32>(at);
      let left = v128.load(begin),
        right = v128.load(begin, 16);
      at += 4;
      for (let b = 1; b < fours; b++, at += 4) {
        const part = sums + <usize>load<u32>(at);
        left = f32x4.add(left, v128.load(part));
        right = f32x4.add(right, v128.load(part, 16));
      }
      storePair(rowAt(mixed, i) + k, f32x4.mul(left, last), f32x4.mul(right, last));
    }
  }
}

export function mixSubsets(
  table: usize,
  n: i32,
  offsets: usize,
  m: i32,
  scale: f32,
  sums: usize,
  mixed: usize,
  c0: i32,
  c1: i32,
): void {
  const from = (<usize>c0) << 2;
  const to = (<usize>c1) << 2;
  mixScaled(table, n, offsets, m, scale, 1, sums, mixed, from, to);
  let greatest: f32 = 0;
  for (let i = 0; i < m; i++) greatest = max(greatest, greatestIn(rowAt(mixed, i), from, to));
  if (mayUnderflow(greatest)) mixScaled(table, n, offsets, m, 1, scale, sums, mixed, from, to);
}
