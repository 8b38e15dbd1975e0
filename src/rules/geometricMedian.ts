/**
 * Weiszfeld's iteration with smoothing, from z = 0:
 *
 *   β_i = 1 / max(nu, ‖x_i − z‖),   z ← Σ β_i x_i / Σ β_i
 *
 * z is always a combination of the updates, so the iteration works on its n weights instead of d coordinates.
 */
import * as z from 'zod';
import { linearRule } from './rule.js';

/** The middle one; of an even number, the lower of the two. */
function middle(values: Float64Array): number {
  return Float64Array.from(values).sort()[(values.length - 1) >> 1]!;
}

/**
 * Geometric median: the point with the least sum of distances to the updates, by smoothed Weiszfeld iteration.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, geometricMedian({ maxIterations: 100 }));
 */
export const geometricMedian = linearRule({
  name: 'geometric-median',
  summary: 'The point with the least sum of distances to the updates (smoothed Weiszfeld).',
  source: 'Pillutla et al. 2022 (arXiv:1912.13445)',
  parameters: z.strictObject({
    nu: z.number().positive().default(1e-6).describe('smoothing: shorter distances count as this'),
    tolerance: z
      .number()
      .min(0)
      .default(1e-9)
      .describe('stops when the point moves by less than this share of its median distance to the updates'),
    maxIterations: z.int().min(1).max(10_000).default(1000).describe('stops after this many iterations'),
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  needsDistances: true,
  combines: true,
  *weights(geometry, { nu, tolerance, maxIterations }) {
    let weights: Float64Array = new Float64Array(geometry.n); // the origin
    for (let iteration = 0; iteration < maxIterations; iteration++) {
      yield;
      const distances = geometry.squaredDistancesTo(geometry.rowWeights(weights)).map(Math.sqrt);
      const lengths = distances.map((distance) => Math.max(nu, distance));
      const shortest = lengths.reduce((least, length) => Math.min(least, length));
      const betas = lengths.map((length) => shortest / length); // all β times the shortest: 1 / 5e−324 is infinite
      const total = betas.reduce((sum, beta) => sum + beta, 0);
      const next = betas.map((beta) => beta / total);
      const moved = geometry.squaredDistanceBetween(geometry.rowWeights(weights), geometry.rowWeights(next));
      weights = next;
      const still = tolerance * middle(distances);
      if (tolerance > 0 && moved <= still * still) break;
    }
    return weights;
  },
});
