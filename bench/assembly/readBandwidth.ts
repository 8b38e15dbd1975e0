/**
 * Reads a buffer once, as fast as WebAssembly can, with almost no work on the data: the yardstick for memory-bound
 * kernels.
 *
 *   from   start of the buffer, 64-byte aligned
 *   bytes  its length, a multiple of 256
 *
 * Sixteen independent accumulators keep additions from waiting for each other, and integers make every value take the
 * same time. The sum is returned because a loop without a result could be optimized away.
 */
export function readAll(from: usize, bytes: usize): i32 {
  let a0 = i32x4.splat(0),
    a1 = a0,
    a2 = a0,
    a3 = a0,
    a4 = a0,
    a5 = a0,
    a6 = a0,
    a7 = a0;
  let b0 = a0,
    b1 = a0,
    b2 = a0,
    b3 = a0,
    b4 = a0,
    b5 = a0,
    b6 = a0,
    b7 = a0;

  for (const end = from + bytes; from < end; from += 256) {
    a0 = i32x4.add(a0, v128.load(from));
    a1 = i32x4.add(a1, v128.load(from, 16));
    a2 = i32x4.add(a2, v128.load(from, 32));
    a3 = i32x4.add(a3, v128.load(from, 48));
    a4 = i32x4.add(a4, v128.load(from, 64));
    a5 = i32x4.add(a5, v128.load(from, 80));
    a6 = i32x4.add(a6, v128.load(from, 96));
    a7 = i32x4.add(a7, v128.load(from, 112));
    b0 = i32x4.add(b0, v128.load(from, 128));
    b1 = i32x4.add(b1, v128.load(from, 144));
    b2 = i32x4.add(b2, v128.load(from, 160));
    b3 = i32x4.add(b3, v128.load(from, 176));
    b4 = i32x4.add(b4, v128.load(from, 192));
    b5 = i32x4.add(b5, v128.load(from, 208));
    b6 = i32x4.add(b6, v128.load(from, 224));
    b7 = i32x4.add(b7, v128.load(from, 240));
  }

  a0 = i32x4.add(
    i32x4.add(i32x4.add(a0, a1), i32x4.add(a2, a3)),
    i32x4.add(i32x4.add(a4, a5), i32x4.add(a6, a7)),
  );
  b0 = i32x4.add(
    i32x4.add(i32x4.add(b0, b1), i32x4.add(b2, b3)),
    i32x4.add(i32x4.add(b4, b5), i32x4.add(b6, b7)),
  );
  a0 = i32x4.add(a0, b0);
  return (
    i32x4.extract_lane(a0, 0) +
    i32x4.extract_lane(a0, 1) +
    i32x4.extract_lane(a0, 2) +
    i32x4.extract_lane(a0, 3)
  );
}
