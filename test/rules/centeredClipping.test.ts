import { expect } from 'chai';
import { aggregate, centeredClipping } from '../../src/index.js';
import { actual, expected } from '../support/library.js';
import { expectClose } from '../support/close.js';
import { normalRows, unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('centeredClipping', () => {
  agreesWithReference({ stages: () => [['centered-clipping', { tau: 5, iterations: 3 }]] });

  it('starts from the previous aggregate', async () => {
    for (const n of [1, 2, 11, 40]) {
      const updates = unequalRows(n, 130, n);
      const previous = normalRows(1, 130, n + 1)[0];
      for (const iterations of [1, 2, 7]) {
        for (const tau of [0.01, 3, 1e6]) {
          const stage = ['centered-clipping', { tau, iterations, previous }] as const;
          expectClose(await actual(updates, stage), expected(updates, stage), 2e-6, `n = ${n}, tau = ${tau}`);
        }
      }
    }
  });

  it('moves no farther than tau an iteration, whatever most rows send', async () => {
    const updates = [
      [1e38, 0],
      [1e38, 0],
      [0.5, 0],
    ].map((row) => Float32Array.from(row));
    const { value } = await aggregate(updates, centeredClipping({ tau: 3, iterations: 1 }));
    expect([...value]).deep.equal([Math.fround(6.5 / 3), 0]);
  });

  it('is the mean where tau clips nothing', async () => {
    const updates = unequalRows(7, 40, 9);
    const stage = ['centered-clipping', { tau: 1e9 }] as const;
    expectClose(await actual(updates, stage), expected(updates, ['mean']), 2e-6);
  });
});
