/** The parameters that several optimizers share, and the bias corrections. */
import { z } from 'zod';

/** The kernels calculate in float32, where a number must still be what it is meant to be. */
const positive = z
  .number()
  .positive()
  .refine((value) => {
    const rounded = Math.fround(value);
    return rounded > 0 && rounded < Infinity;
  }, 'must be positive and finite as float32 too');

const fraction = z
  .number()
  .min(0)
  .lt(1)
  .refine((value) => Math.fround(value) < 1, 'must be less than 1 as float32 too');

export const eta = (standard: number) => positive.default(standard).describe('server learning rate');
export const beta = (standard: number, what: string) =>
  fraction.default(standard).describe(`share of the former ${what} that is kept`);

/** Of the three adaptive optimizers. */
export const tau = positive.default(1e-3).describe('bounds how much small variances count');
export const biasCorrection = z
  .boolean()
  .default(false)
  .describe('whether moments are corrected for having begun at zero');

/**
 * What a moving average that began at zero is multiplied by after `step` steps: 1 / (1 − betaᵗ). By repeated
 * multiplication, for powers differ between JavaScript engines.
 */
export function correction(isWanted: boolean, betaKept: number, step: number): number {
  if (!isWanted) return 1;
  let power = 1;
  for (let t = 0; t < step && 1 - power < 1; t++) power *= betaKept;
  return 1 / (1 - power);
}
