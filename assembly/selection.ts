/**
 * Selections on a staged tile of columns (median, trimmed mean, mean of the nearest): staging, and the form that interprets
 * a selection network from a table. It is used if the host forbids compiling the module that is otherwise generated for
 * each n, and if n is too large for such a module. It gives the same bits because it does the same operations in the same
 * order as src/core/selectionNetwork/reductions.ts.
 *
 *   tile    n rows of at most 256 columns, PITCH bytes apart (1,088: 256 columns and one cache line, so that
 *           rows fall into different cache sets); row i is wire i of the network
 *   wires   n u32: the wire on which each rank ends
 *   count   columns, a multiple of 16
 */
import { rowAt } from './rows';

const PITCH: usize = 1088;

/**
 * Reads one vector of each cache line that `stage` is about to copy. Loads alone overlap more cache misses than loads and
 * stores do, and with this many rows each piece is too short for the processor's prefetching.
 */
@inline
function pullIn(table: usize, n: i32, tile: usize, c0: i32, bytes: usize): void {
  let seen = i32x4.splat(0);
  for (let i = 0; i < n; i++) {
    const from = rowAt(table, i) + ((<usize>c0) << 2);
    for (let k: usize = 0; k < bytes; k += 64) seen = v128.or(seen, v128.load(from + k));
  }
  v128.store(tile, seen); // overwritten later: unused loads would be optimized away
}

/** Copies columns c0 … c0+count of each row into the tile. Returns a sum that is finite only if all values are. */
export function stage(table: usize, n: i32, tile: usize, c0: i32, count: i32): f32 {
  const bytes = (<usize>count) << 2;
  pullIn(table, n, tile, c0, bytes);
  let s0 = f32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  for (let i = 0; i < n; i++) {
    const from = rowAt(table, i) + ((<usize>c0) << 2);
    const to = tile + <usize>i * PITCH;
    for (let k: usize = 0; k < bytes; k += 64) {
      const x0 = v128.load(from + k),
        x1 = v128.load(from + k, 16);
      const x2 = v128.load(from + k, 32),
        x3 = v128.load(from + k, 48);
      v128.store(to + k, x0);
      v128.store(to + k, x1, 16);
      v128.store(to + k, x2, 32);
      v128.store(to + k, x3, 48);
      s0 = f32x4.add(s0, x0);
      s1 = f32x4.add(s1, x1);
      s2 = f32x4.add(s2, x2);
      s3 = f32x4.add(s3, x3);
    }
  }
  const sum = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  return (
    f32x4.extract_lane(sum, 0) +
    f32x4.extract_lane(sum, 1) +
    f32x4.extract_lane(sum, 2) +
    f32x4.extract_lane(sum, 3)
  );
}

/** Runs a network, `length` comparators of two u32 wires (low, high), 16 columns at a time. */
export function runNetwork(network: usize, length: i32, tile: usize, count: i32): void {
  const end = network + ((<usize>length) << 3);
  const bytes = (<usize>count) << 2;
  for (let k: usize = 0; k < bytes; k += 64) {
    const column = tile + k;
    for (let at = network; at < end; at += 8) {
      const low = column + <usize>load<u32>(at) * PITCH;
      const high = column + <usize>load<u32>(at, 4) * PITCH;
      const a0 = v128.load(low),
        a1 = v128.load(low, 16),
        a2 = v128.load(low, 32),
        a3 = v128.load(low, 48);
      const b0 = v128.load(high),
        b1 = v128.load(high, 16),
        b2 = v128.load(high, 32),
        b3 = v128.load(high, 48);
      v128.store(low, f32x4.pmin(a0, b0));
      v128.store(low, f32x4.pmin(a1, b1), 16);
      v128.store(low, f32x4.pmin(a2, b2), 32);
      v128.store(low, f32x4.pmin(a3, b3), 48);
      v128.store(high, f32x4.pmax(a0, b0));
      v128.store(high, f32x4.pmax(a1, b1), 16);
      v128.store(high, f32x4.pmax(a2, b2), 32);
      v128.store(high, f32x4.pmax(a3, b3), 48);
    }
  }
}

@inline
function ranked(column: usize, wires: usize, rank: i32): v128 {
  return v128.load(column + <usize>load<u32>(wires + ((<usize>rank) << 2)) * PITCH);
}

@inline
function median(column: usize, wires: usize, n: i32): v128 {
  if (n & 1) return ranked(column, wires, n >> 1);
  const a = ranked(column, wires, (n >> 1) - 1),
    b = ranked(column, wires, n >> 1);
  const half = f32x4.splat(0.5);
  const sum = f32x4.add(a, b);
  const careful = f32x4.add(f32x4.mul(a, half), f32x4.mul(b, half));
  return v128.bitselect(f32x4.mul(sum, half), careful, f32x4.lt(f32x4.abs(sum), f32x4.splat(Infinity)));
}

/**
 * Σ (x − origin) over the ranks f+1 … n−f−1, where origin is the value of rank f. Means are taken around one of the
 * values, which keeps them exact if the values are close together.
 */
function trimmedOffsets(column: usize, wires: usize, n: i32, f: i32, origin: v128): v128 {
  const zero = f32x4.splat(0);
  let s0 = zero,
    s1 = zero,
    s2 = zero,
    s3 = zero;
  const last = n - f;
  let rank = f + 1;
  for (; rank + 3 < last; rank += 4) {
    s0 = f32x4.add(f32x4.sub(ranked(column, wires, rank), origin), s0);
    s1 = f32x4.add(f32x4.sub(ranked(column, wires, rank + 1), origin), s1);
    s2 = f32x4.add(f32x4.sub(ranked(column, wires, rank + 2), origin), s2);
    s3 = f32x4.add(f32x4.sub(ranked(column, wires, rank + 3), origin), s3);
  }
  if (rank < last) s0 = f32x4.add(f32x4.sub(ranked(column, wires, rank), origin), s0);
  if (rank + 1 < last) s1 = f32x4.add(f32x4.sub(ranked(column, wires, rank + 1), origin), s1);
  if (rank + 2 < last) s2 = f32x4.add(f32x4.sub(ranked(column, wires, rank + 2), origin), s2);
  return total(s0, s1, s2, s3);
}

@inline
function total(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  return f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
}

@inline
function meanAround(origin: v128, sum: v128, divisor: i32): v128 {
  return f32x4.add(origin, f32x4.div(sum, f32x4.splat(<f32>divisor)));
}

@inline
function trimmedMean(column: usize, wires: usize, n: i32, f: i32): v128 {
  const origin = ranked(column, wires, f);
  return meanAround(origin, trimmedOffsets(column, wires, n, f, origin), n - 2 * f);
}

/** Of the ranks first, first + step, …: the offset from `origin` nearest to `center`, the lesser on a tie. */
@inline
function nearestOffset(
  column: usize,
  wires: usize,
  n: i32,
  first: i32,
  step: i32,
  origin: v128,
  center: v128,
): v128 {
  let nearest = f32x4.sub(ranked(column, wires, first), origin);
  for (let rank = first + step; rank < n; rank += step) {
    const other = f32x4.sub(ranked(column, wires, rank), origin);
    const closer = f32x4.lt(f32x4.abs(f32x4.sub(other, center)), f32x4.abs(f32x4.sub(nearest, center)));
    nearest = v128.bitselect(other, nearest, closer);
  }
  return nearest;
}

/** The center is origin + offset. It is never rounded to one number: many values may be equally near to that number. */
function nearestMean(column: usize, wires: usize, n: i32, f: i32, aroundMedian: bool): v128 {
  const kept = n - f;
  const zero = f32x4.splat(0);
  const origin = ranked(column, wires, aroundMedian ? (n - 1) >> 1 : f);
  let center = zero;
  if (!aroundMedian)
    center = f32x4.div(trimmedOffsets(column, wires, n, f, origin), f32x4.splat(<f32>(n - 2 * f)));
  else if (!(n & 1)) center = f32x4.mul(f32x4.sub(ranked(column, wires, n >> 1), origin), f32x4.splat(0.5));

  let s0 = zero,
    s1 = zero,
    s2 = zero,
    s3 = zero;
  let first = 0;
  for (; first + 3 < kept; first += 4) {
    s0 = f32x4.add(nearestOffset(column, wires, n, first, kept, origin, center), s0);
    s1 = f32x4.add(nearestOffset(column, wires, n, first + 1, kept, origin, center), s1);
    s2 = f32x4.add(nearestOffset(column, wires, n, first + 2, kept, origin, center), s2);
    s3 = f32x4.add(nearestOffset(column, wires, n, first + 3, kept, origin, center), s3);
  }
  if (first < kept) s0 = f32x4.add(nearestOffset(column, wires, n, first, kept, origin, center), s0);
  if (first + 1 < kept) s1 = f32x4.add(nearestOffset(column, wires, n, first + 1, kept, origin, center), s1);
  if (first + 2 < kept) s2 = f32x4.add(nearestOffset(column, wires, n, first + 2, kept, origin, center), s2);
  return meanAround(origin, total(s0, s1, s2, s3), kept);
}

@inline
function put(out: usize, value: v128): void {
  v128.store(out, f32x4.add(value, f32x4.splat(0))); // −0 becomes +0
}

/** After the network: out[c] = the median of column c. Column 0 of the tile goes to address `out`. */
export function readMedian(tile: usize, wires: usize, n: i32, out: usize, count: i32): void {
  for (let k: usize = 0; k < (<usize>count) << 2; k += 16) put(out + k, median(tile + k, wires, n));
}

/** After the network: the mean of ranks f … n−f−1. */
export function readTrimmedMean(tile: usize, wires: usize, n: i32, f: i32, out: usize, count: i32): void {
  for (let k: usize = 0; k < (<usize>count) << 2; k += 16) put(out + k, trimmedMean(tile + k, wires, n, f));
}

/** After the network: the mean of the n−f values nearest to the median, or to the trimmed mean. */
export function readNearestMean(
  tile: usize,
  wires: usize,
  n: i32,
  f: i32,
  aroundMedian: bool,
  out: usize,
  count: i32,
): void {
  for (let k: usize = 0; k < (<usize>count) << 2; k += 16) {
    put(out + k, nearestMean(tile + k, wires, n, f, aroundMedian));
  }
}

/** Returns 0 if columns c0 … c1 of a result are all finite, NaN otherwise. Four independent sums hide the latency of additions. */
export function finiteProof(out: usize, c0: i32, c1: i32): f32 {
  const zero = f32x4.splat(0);
  let p0 = zero,
    p1 = zero,
    p2 = zero,
    p3 = zero;
  const to = (<usize>c1) << 2;
  for (let k = (<usize>c0) << 2; k < to; k += 64) {
    p0 = f32x4.add(p0, f32x4.mul(v128.load(out + k), zero));
    p1 = f32x4.add(p1, f32x4.mul(v128.load(out + k, 16), zero));
    p2 = f32x4.add(p2, f32x4.mul(v128.load(out + k, 32), zero));
    p3 = f32x4.add(p3, f32x4.mul(v128.load(out + k, 48), zero));
  }
  const proof = total(p0, p1, p2, p3);
  return (
    f32x4.extract_lane(proof, 0) +
    f32x4.extract_lane(proof, 1) +
    f32x4.extract_lane(proof, 2) +
    f32x4.extract_lane(proof, 3)
  );
}
