/**
 * e^x by arithmetic alone. The last bit of Math.exp differs between engines, and so would training runs that used it.
 * Relative error below 4e-16 where the result is a normal number; 0 below −708.
 *
 * x = k·ln 2 + r with |r| ≤ ln 2 / 2, e^r by its Taylor polynomial (remainder below 2e-18), times 2^k.
 */
const LN2_HIGH = 6.9314718036912381649e-1; // its last bits are 0, so that multiplying it by k is exact
const LN2_LOW = 1.90821492927058770002e-10;
const DEGREE = 14;
const LARGEST = 708;

const powersOfTwo = new Float64Array(2 * 1022 + 1);
const ONE = 1022;
powersOfTwo[ONE] = 1;
for (let k = 1; k <= 1022; k++) {
  powersOfTwo[ONE + k] = powersOfTwo[ONE + k - 1]! * 2;
  powersOfTwo[ONE - k] = powersOfTwo[ONE - k + 1]! / 2;
}

/** @param x at most 708 */
export function exponential(x: number): number {
  if (x < -LARGEST) return 0;
  if (x > LARGEST) return Infinity;
  const k = Math.floor(x / (LN2_HIGH + LN2_LOW) + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let term = DEGREE; term > 0; term--) sum = 1 + (sum * r) / term;
  return sum * powersOfTwo[ONE + k]!;
}
