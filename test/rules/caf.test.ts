import { aggregate, caf } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { agreesWithReference } from '../support/sweep.js';

describe('caf', () => {
  agreesWithReference({
    stages: (n, f) => (n > 2 * f && (n <= 33 || f <= 2) ? [['caf', { f }]] : undefined),
    maxRows: 64,
    // On ties several eigenvectors share the top eigenvalue, and any of them is right.
    without: ['small whole numbers, full of ties'],
    // A dozen rounds of filtering multiply the rounding of the distances by a hundred.
    relative: 5e-5,
  });

  it('is the mean without attackers', async () => {
    const updates = [
      [1, 2],
      [3, 5],
      [5, 2],
    ].map((row) => Float32Array.from(row));
    expectClose((await aggregate(updates, caf({ f: 0 }))).value, [3, 3], 2e-7);
  });
});
