import { expect } from 'chai';
import { aggregate, bulyan } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('bulyan', () => {
  agreesWithReference({
    stages: (n, f) => (n >= 4 * f + 3 ? [['bulyan', { f }]] : undefined),
    maxRows: 64,
    relative: 1e-6,
    relativeIfClose: 7e-8,
  });

  it('selects by iterated krum, then averages about the median of the selected', async () => {
    const updates = [5, 1, 2, 3, 4, 100, 2.5].map((entry) => Float32Array.of(entry));
    // Krum picks 2.5, 2 (shorter than 3, a tie), 4, 1 (of 5, 1 and 3) and 3 (of 5 and 3); 2, 2.5 and 3 are kept.
    expect((await aggregate(updates, bulyan({ f: 1 }))).value[0]).closeTo(2.5, 3e-7);
  });
});
