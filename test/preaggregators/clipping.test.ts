import { expect } from 'chai';
import { aggregate, clipping, mean, pipeline } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('clipping', () => {
  describe('before mean', () =>
    agreesWithReference({ stages: () => [['clipping', { c: 4 }], ['mean']], relativeIfClose: 2e-6 }));
  describe('before median', () =>
    agreesWithReference({ stages: () => [['clipping', { c: 4 }], ['median']], relativeIfClose: 2e-6 }));
  describe('before krum', () =>
    agreesWithReference({
      stages: (n, f) =>
        n > 2 * f + 2
          ? [
              ['clipping', { c: 8 }],
              ['krum', { f }],
            ]
          : undefined,
      // Clipped to one length, rows that only differed in length coincide but for their rounding.
      without: ['small whole numbers, full of ties', 'nearly equal rows'],
    }));

  it('scales down the rows that are longer than c, and no others', async () => {
    const updates = [
      [3, 4],
      [6, 8],
      [0, 0],
      [1e38, 0],
    ].map((row) => Float32Array.from(row));
    const wanted = [
      [3, 4],
      [3, 4],
      [0, 0],
      [5, 0],
    ];
    for (let i = 0; i < updates.length; i++) {
      const weights = updates.map((_, j) => (j === i ? 1 : 0));
      const { value } = await aggregate(updates, pipeline(clipping({ c: 5 }), mean({ weights })));
      expect(value[0]).closeTo(wanted[i]![0]!, 1e-6);
      expect(value[1]).closeTo(wanted[i]![1]!, 1e-6);
    }
  });
});
