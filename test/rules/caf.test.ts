import { expect } from 'chai';
import { aggregate, caf } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('caf', () => {
  agreesWithReference({
    stages: (n, f) => (n > 2 * f && (n <= 33 || f <= 2) ? [['caf', { f }]] : undefined),
    mostRows: 64,
    // On ties several eigenvectors share the top eigenvalue, and any of them is right.
    without: ['small whole numbers, full of ties'],
    relative: 1e-5,
  });

  it('is the mean where nobody lies', async () => {
    const updates = [
      [1, 2],
      [3, 5],
      [5, 2],
    ].map((row) => Float32Array.from(row));
    expect([...(await aggregate(updates, caf({ f: 0 }))).value]).deep.equal([3, 3]);
  });
});
