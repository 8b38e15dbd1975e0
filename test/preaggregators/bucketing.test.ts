import { expect } from 'chai';
import { aggregate, bucketing, mean, pipeline } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('bucketing', () => {
  for (const s of [1, 2, 3, 7]) {
    describe(`of ${s} before median`, () =>
      agreesWithReference({
        stages: () => [['bucketing', { s, seed: 12 + s }], ['median']],
        // Attackers spoil every bucket they are in.
        robust: false,
        relative: 1e-6,
      }));
  }

  describe('of 2 before trimmedMean', () =>
    agreesWithReference({
      stages: (n, f) =>
        Math.ceil(n / 2) > 2 * f
          ? [
              ['bucketing', { s: 2, seed: 4_000_000_000 }],
              ['trimmed-mean', { f }],
            ]
          : undefined,
    }));

  it('averages the short last bucket by its own size', async () => {
    const updates = [2, 4, 8].map((entry) => Float32Array.of(entry));
    const pairs = [3, 5, 6];
    const { value } = await aggregate(
      updates,
      pipeline(bucketing({ s: 2, seed: 1 }), mean({ weights: [1, 0] })),
    );
    const { value: left } = await aggregate(
      updates,
      pipeline(bucketing({ s: 2, seed: 1 }), mean({ weights: [0, 1] })),
    );
    expect(pairs).include(value[0]);
    expect(2 * value[0]! + left[0]!).equal(14);
  });

  it('depends on the seed and on nothing else', async () => {
    const updates = Array.from({ length: 20 }, (_, i) => Float32Array.of(i));
    const firstBucket = async (seed: number): Promise<number> => {
      const weights = [1, ...new Array<number>(9).fill(0)];
      return (await aggregate(updates, pipeline(bucketing({ s: 2, seed }), mean({ weights })))).value[0]!;
    };
    const buckets = await Promise.all([0, 1, 2, 3, 4, 5].map(firstBucket));
    expect(new Set(buckets).size).greaterThan(1);
    expect(await firstBucket(3)).equal(buckets[3]);
  });
});
