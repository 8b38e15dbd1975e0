import { expect } from 'chai';
import { aggregate, trimmedMean } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('trimmedMean', () => {
  agreesWithReference({
    stages: (n, f) => (n > 2 * f ? [['trimmed-mean', { f }]] : undefined),
    relative: 1e-6,
    relativeIfClose: 7e-8,
    rowsOfWide: [11, 49],
  });

  it('stays within the honest range whatever one attacker sends', async () => {
    for (const lie of [1e30, -1e30, 3e38, -3e38]) {
      const updates = [
        [1, 10],
        [2, 20],
        [3, 30],
        [lie, lie],
      ].map((row) => Float32Array.from(row));
      const { value } = await aggregate(updates, trimmedMean({ f: 1 }));
      expect(value[0]).within(1, 3);
      expect(value[1]).within(10, 30);
    }
  });

  it('returns the common value of rows that agree, to the bit', async () => {
    for (const entry of [0.1, 1 / 3, 1e-40, 3.3e38, -7e-5]) {
      for (const n of [3, 5, 6, 7, 10, 23, 49, 64]) {
        const updates = Array.from({ length: n }, () => Float32Array.of(entry));
        expect((await aggregate(updates, trimmedMean({ f: 1 }))).value[0]).equal(Math.fround(entry));
      }
    }
  });
});
