/**
 * Seeded updates for the benchmarks: honest rows scatter around a common vector, and the last tenth of the rows are
 * attackers that send −3 times that vector. Integer arithmetic makes the data the same on every machine.
 */

/** How many of n rows attack. */
export const attackersAmong = (n: number): number => Math.floor(n / 10);

/**
 * into[k] = scale · noise + centerScale · center[k]. One mulberry32 step per draw: its two 16-bit halves give a
 * triangular distribution over (−1, 1).
 */
export function fillWithNoise(
  into: Float32Array,
  seed: number,
  scale: number,
  center?: Float32Array,
  centerScale = 1,
): void {
  let state = seed >>> 0;
  for (let k = 0; k < into.length; k++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    mixed ^= mixed >>> 14;
    const noise = scale * (((mixed >>> 16) + (mixed & 0xffff)) / 65536 - 1);
    into[k] = center === undefined ? noise : noise + centerScale * (center[k] ?? 0);
  }
}

/** @returns n rows of d entries, the last attackersAmong(n) of which are attackers' */
export function seededUpdates(n: number, d: number, seed: number): Float32Array[] {
  const center = new Float32Array(d);
  fillWithNoise(center, seed, 1);
  const honest = n - attackersAmong(n);
  return Array.from({ length: n }, (_, i) => {
    const row = new Float32Array(d);
    fillWithNoise(row, seed + 1 + i, 1, center, i < honest ? 1 : -3);
    return row;
  });
}
