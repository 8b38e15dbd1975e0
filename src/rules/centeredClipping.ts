/**
 * From a former aggregate (or 0), moves by the mean of the updates' differences from it, none counting for more
 * than tau:   v ← v + mean(d_i · min(1, tau / ‖d_i‖)),  d_i = x_i − v,  repeated.
 */
import { z } from 'zod';
import { linearRule } from './rule.js';

const former = z
  .custom<Float32Array>((value) => value instanceof Float32Array, 'must be a Float32Array')
  .refine((value) => value.every((entry) => Number.isFinite(entry)), 'must be finite')
  .optional()
  .describe('the former aggregate, where the iteration begins; default: 0');

export const centeredClipping = linearRule({
  name: 'centered-clipping',
  summary: 'Moves from the former aggregate by the mean of the differences, each clipped to the length tau.',
  source: 'Karimireddy et al. 2021 (arXiv:2012.10333)',
  parameters: z.strictObject({
    tau: z.number().positive().describe('longest difference that counts in full'),
    iterations: z.int().min(1).max(10_000).default(1).describe('how often to move'),
    previous: former,
  }),
  constraint: 'n ≥ 1',
  minUpdates: () => 1,
  needsDistances: true,
  combines: true,
  anchor: ({ previous }) => previous,
  *weights(geometry, { tau, iterations, previous }) {
    const { n } = geometry;
    let v = new Float64Array(previous ? n + 1 : n);
    if (previous) v[n] = 1;
    for (let iteration = 0; iteration < iterations; iteration++) {
      yield;
      const shares = geometry.squaredDistancesTo(geometry.rowWeights(v)).map((squared) => {
        const distance = Math.sqrt(squared);
        return (distance <= tau ? 1 : tau / distance) / n;
      });
      const moved = shares.reduce((sum, share) => sum + share, 0);
      v = v.map((weight, k) => weight * (1 - moved) + (k < n ? shares[k]! : 0));
    }
    return v;
  },
});
