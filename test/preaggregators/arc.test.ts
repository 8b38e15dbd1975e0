import { expect } from 'chai';
import { aggregate, arc, mean, pipeline } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('arc', () => {
  // Norms of rows that nearly coincide differ by 2e-7, so that rounding decides which are the longest.
  const relativeIfClose = 2e-6;
  const before = (f: number) => ['arc', { f }] as const;

  describe('before mean', () =>
    agreesWithReference({
      relativeIfClose,
      stages: (n, f) => (n > 2 * f ? [before(f), ['mean']] : undefined),
    }));
  describe('before trimmedMean', () =>
    agreesWithReference({
      relativeIfClose,
      stages: (n, f) => (n > 2 * f ? [before(f), ['trimmed-mean', { f }]] : undefined),
    }));
  describe('before multiKrum', () =>
    agreesWithReference({
      relativeIfClose,
      stages: (n, f) => (n > 2 * f + 2 ? [before(f), ['multi-krum', { f }]] : undefined),
      without: ['small whole numbers, full of ties', 'the same rows twice'],
    }));

  it('clips the longest rows to the length of the next', async () => {
    // ⌊2·(1/5)·4⌋ = 1 row is clipped, the fourth; ⌊2·(2/5)·3⌋ = 2 for f = 2.
    const updates = [1, -2, 3, 100, 4].map((entry) => Float32Array.of(entry, 0));
    const { value: one } = await aggregate(updates, pipeline(arc({ f: 1 }), mean()));
    expect(one[0]).equal(2);
    const { value: two } = await aggregate(updates, pipeline(arc({ f: 2 }), mean()));
    expect(two[0]).closeTo(8 / 5, 1e-6);
  });

  it('counts the rows to clip in whole numbers', async () => {
    // 2·(3/9)·6 is 4 exactly; rounding must not make it 3.
    const updates = [1, 2, 3, 4, 5, 60, 70, 80, 90].map((entry) => Float32Array.of(entry));
    const { value } = await aggregate(updates, pipeline(arc({ f: 3 }), mean()));
    expect(value[0]).closeTo((1 + 2 + 3 + 4 + 5 * 5) / 9, 1e-6);
  });
});
