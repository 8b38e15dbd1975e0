import * as z from 'zod';
import { linearRule } from './rule.js';

const previousAggregate = z
  .custom<Float32Array>((value) => value instanceof Float32Array, 'must be a Float32Array')
  .refine((value) => value.every((entry) => Number.isFinite(entry)), 'must be finite')
  .optional()
  .describe('previous aggregate, where the iteration starts; default: 0');

/**
 * Centered clipping: moves from the previous aggregate (or 0) by the mean of the updates' differences from it, each
 * clipped to the length tau, and repeats:   v ← v + mean(d_i · min(1, tau / ‖d_i‖)),  d_i = x_i − v
 *
 * `previous` is not copied and must not change while the rule is in use.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const { value } = await aggregate(updates, centeredClipping({ tau: 10, previous: lastAggregate }));
 */
export const centeredClipping = linearRule({
  name: 'centered-clipping',
  summary:
    'Moves from the previous aggregate by the mean of the differences, each clipped to the length tau.',
  source: 'Karimireddy et al. 2021 (arXiv:2012.10333)',
  parameters: z.strictObject({
    tau: z.number().positive().describe('length to which differences are clipped'),
    iterations: z.int().min(1).max(10_000).default(1).describe('number of iterations'),
    previous: previousAggregate,
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
