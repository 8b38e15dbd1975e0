/**
 * Comparison with a reference: every entry within `relative` of the largest expected magnitude, or within the
 * spacing of float32's denormals, below which there are no numbers to be had.
 */
import { expect } from 'chai';

const denormalStep = 2 ** -149;

export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  label = 'result',
): void {
  expect(actual.length, `${label}: length`).to.equal(expected.length);
  let largest = 0;
  let worst = 0;
  let at = 0;
  for (let k = 0; k < expected.length; k++) {
    largest = Math.max(largest, Math.abs(expected[k]!));
    const error = Math.abs(actual[k]! - expected[k]!);
    // Written so that NaN counts as the worst error of all.
    if (!(error <= worst)) [worst, at] = [Number.isNaN(error) ? Infinity : error, k];
  }
  const allowed = Math.max(relative * largest, relative > 0 ? denormalStep : 0);
  if (worst <= allowed) return;
  expect.fail(
    `${label}: entry ${at} is ${actual[at]}, expected ${expected[at]} ± ${allowed}` +
      ` (off by ${worst / largest} of the largest entry)`,
  );
}
