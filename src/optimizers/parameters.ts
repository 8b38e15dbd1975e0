/** Parameters that several optimizers share, and the bias correction. */
import * as z from 'zod';

/** The kernels compute in float32, so values must stay valid after rounding. */
const positive = z
  .number()
  .positive()
  .refine((value) => {
    const rounded = Math.fround(value);
    return rounded > 0 && rounded < Infinity;
  }, 'must be positive and finite as float32');

const fraction = z
  .number()
  .min(0)
  .lt(1)
  .refine((value) => Math.fround(value) < 1, 'must be less than 1 as float32');

export const eta = (standard: number) => positive.default(standard).describe('server learning rate');
export const beta = (standard: number, what: string) =>
  fraction.default(standard).describe(`decay: share of the previous ${what} that is kept`);

/** For the three adaptive optimizers. */
export const tau = positive
  .default(1e-3)
  .describe('added to √v: bounds the step where the variance is small');
export const biasCorrection = z
  .boolean()
  .default(false)
  .describe('whether to correct the moments for starting at zero');

/**
 * The factor that corrects a moving average that started at zero, after `step` steps: 1 / (1 − betaᵗ). Uses repeated
 * multiplication because JavaScript engines round powers differently.
 */
export function correction(isWanted: boolean, betaKept: number, step: number): number {
  if (!isWanted) return 1;
  let power = 1;
  for (let t = 0; t < step && 1 - power < 1; t++) power *= betaKept;
  return 1 / (1 - power);
}
