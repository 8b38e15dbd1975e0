/**
 * Seeded data for the tests. The generator is mulberry32 (32 bits of state, period 2³²), which is ample here and
 * needs nothing but integer arithmetic, so that every engine makes the same data from the same seed. For the same
 * reason the bell-shaped draws are sums of uniform ones: logarithms and cosines differ between engines.
 */

/** @returns a generator of whole numbers, uniform over 0 … 2³² − 1. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

export interface Random {
  /** Uniform over [0, 1). */
  readonly uniform: () => number;
  /** A whole number, uniform over low … high, both included. */
  readonly whole: (low: number, high: number) => number;
  /** Mean 0, deviation 1, bell-shaped, never beyond ±√12. */
  readonly normal: () => number;
}

export function random(seed: number): Random {
  const next = mulberry32(seed);
  const uniform = (): number => next() / 2 ** 32;
  return {
    uniform,
    whole: (low, high) => low + Math.floor(uniform() * (high - low + 1)),
    normal: () => (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3),
  };
}

/** n rows of d entries; `entry` is asked row by row, from left to right. */
export function rowsOf(n: number, d: number, entry: (i: number, k: number) => number): Float32Array[] {
  return Array.from({ length: n }, (_, i) => Float32Array.from({ length: d }, (_entry, k) => entry(i, k)));
}

/** Independent draws of mean 0 and deviation 1. */
export function normalRows(n: number, d: number, seed: number): Float32Array[] {
  const { normal } = random(seed);
  return rowsOf(n, d, () => normal());
}

/**
 * Rows around one common vector, each with a deviation of its own (shuffled, from 1 to 3), so that no two rows are
 * equally good in the eyes of a rule that selects rows.
 */
export function unequalRows(n: number, d: number, seed: number): Float32Array[] {
  const draw = random(seed);
  const center = Array.from({ length: d }, () => draw.normal());
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = draw.whole(0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return rowsOf(n, d, (i, k) => center[k]! + (1 + (2 * order[i]!) / n) * draw.normal());
}

/** Updates that nearly coincide: mean 1000, deviation 1e-3. Neighboring float32 numbers are 6e-5 apart there. */
export function closeRows(n: number, d: number, seed: number): Float32Array[] {
  const { normal } = random(seed);
  return rowsOf(n, d, () => 1000 + 1e-3 * normal());
}

/** The largest finite float32 number. */
export const largestFloat = (2 - 2 ** -23) * 2 ** 127;

/** What attackers send: each is asked for entry k of their i-th row. */
export const lies: Readonly<Record<string, (i: number, k: number) => number>> = {
  '1e30 everywhere': () => 1e30,
  '±1e38': (i, k) => ((i + k) % 2 === 0 ? 1e38 : -1e38),
  'the largest float32, in one entry': (_, k) => (k === 0 ? largestFloat : 0),
  '1e5, 1e20, 1e35 by turns': (i) => [1e5, -1e20, 1e35][i % 3]!,
};

/** The rows with f of them replaced by lies, at the end or at the beginning. */
export function attacked(
  honest: readonly Float32Array[],
  f: number,
  lie: (i: number, k: number) => number,
  where: 'first' | 'last',
): Float32Array[] {
  const from = where === 'first' ? 0 : honest.length - f;
  return honest.map((row, i) => (i < from || i >= from + f ? row : row.map((_, k) => lie(i - from, k))));
}
