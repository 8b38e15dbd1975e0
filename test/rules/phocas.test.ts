import { expect } from 'chai';
import { aggregate, phocas } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('phocas', () => {
  agreesWithReference({
    stages: (n, f) => (n > 2 * f ? [['phocas', { f }]] : undefined),
    relative: 1e-6,
    relativeIfClose: 7e-8,
    rowsOfWide: [11, 49],
  });

  it('averages the n − f values closest to the trimmed mean', async () => {
    const updates = [0, 1, 2, 3, 50].map((entry) => Float32Array.of(entry, -entry));
    expect([...(await aggregate(updates, phocas({ f: 1 }))).value]).deep.equal([1.5, -1.5]);
  });

  it('keeps the smaller of two values that are equally far', async () => {
    const updates = [4, 0, 2, 1, 3].map((entry) => Float32Array.of(entry, 6 * entry));
    expect([...(await aggregate(updates, phocas({ f: 1 }))).value]).deep.equal([1.5, 9]);
  });

  it('returns the common value of rows that agree, to the bit', async () => {
    for (const entry of [0.1, 1 / 3, 1e-40, 3.3e38, -7e-5]) {
      for (const n of [3, 5, 6, 7, 10, 23, 49, 64]) {
        const updates = Array.from({ length: n }, () => Float32Array.of(entry));
        expect((await aggregate(updates, phocas({ f: 1 }))).value[0]).equal(Math.fround(entry));
      }
    }
  });
});
