/**
 * Seeded random numbers with the same bits on every JavaScript engine: only integer operations, comparisons, division by
 * a power of two, and no Math function except floor and imul.
 *
 * The generator is xoshiro128** (Blackman and Vigna 2021, arXiv:1805.01407), with a state hashed from the given words.
 * It is for experiments; nothing secret may depend on it.
 */

/** A stream of random numbers. */
export interface Random {
  /** A uniform integer in [0, 2³²). */
  readonly uint32: () => number;
  /** A uniform multiple of 2⁻⁵³ in [0, 1). */
  readonly uniform: () => number;
  /** A uniform integer in [0, bound), without bias; bound is an integer from 1 to 2³². */
  readonly below: (bound: number) => number;
  /** A draw from the normal distribution with mean 0 and variance 1. */
  readonly normal: () => number;
}

const WORD = 2 ** 32;
const STEP = 0x9e3779b9;

/** Mixes the bits of a 32-bit word so that each depends on all (the finalizer of MurmurHash3). */
function mix(word: number): number {
  let bits = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * Creates the generator for a tuple of words, such as seed, round and row. Equal words give equal streams; different
 * words give unrelated streams.
 *
 * @param words safe, non-negative integers; all 53 bits count
 */
export function createRandom(...words: number[]): Random {
  let hash = STEP;
  for (const word of words) {
    hash = mix(hash + word);
    hash = mix(hash + Math.floor(word / WORD) + STEP);
  }
  const seeded = (): number => mix((hash = (hash + STEP) >>> 0));
  let [a, b, c, d] = [seeded(), seeded(), seeded(), seeded()];

  const uint32 = (): number => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };

  const uniform = (): number => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;

  const below = (bound: number): number => {
    const fair = WORD - (WORD % bound); // draws above it would favor small results
    let draw = uint32();
    while (draw >= fair) draw = uint32();
    return draw % bound;
  };

  /** True with probability exp(−p), 0 ≤ p ≤ 1: a falling run of uniforms that starts below p has even length. */
  const decays = (p: number): boolean => {
    let even = true;
    for (let last = p; ; even = !even) {
      const next = uniform();
      if (next >= last) return even;
      last = next;
    }
  };

  const allDecayByHalf = (trials: number): boolean => {
    for (let trial = 0; trial < trials; trial++) if (!decays(0.5)) return false;
    return true;
  };

  /**
   * |z| = k + x is drawn in two parts by rejection: k has weight exp(−k/2) · exp(−k(k−1)/2) = exp(−k²/2), x in
   * [0, 1) has exp(−x(2k + x)/2), together exp(−(k + x)²/2). Uniforms are only compared, which avoids logarithms:
   * engines round them differently (Karney 2016, arXiv:1303.6257).
   */
  const normal = (): number => {
    for (;;) {
      let k = 0;
      while (decays(0.5)) k++;
      if (!allDecayByHalf(k * (k - 1))) continue;
      const x = uniform();
      const p = (x * (2 * k + x)) / (2 * k + 2); // exp(−x(2k + x)/2) is k + 1 trials of exp(−p), p < 1
      let accepted = true;
      for (let trial = 0; accepted && trial <= k; trial++) accepted = decays(p);
      if (accepted) return uint32() & 1 ? -(k + x) : k + x;
    }
  };

  return { uint32, uniform, below, normal };
}
