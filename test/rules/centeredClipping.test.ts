import { expect } from 'chai';
import { aggregate, centeredClipping } from '../../src/index.js';
import { actual, expected } from '../support/library.js';
import { expectClose } from '../support/close.js';
import { normalRows, unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('centeredClipping', () => {
  agreesWithReference({
    stages: () => [['centered-clipping', { tau: 5, iterations: 3 }]],
    relativeIfClose: 2e-6,
  });

  it('starts from the previous aggregate', async () => {
    for (const n of [1, 2, 11, 40]) {
      const updates = unequalRows(n, 130, n);
      const previous = normalRows(1, 130, n + 1)[0]!;
      for (const iterations of [1, 2, 7]) {
        for (const tau of [0.01, 3, 1e6]) {
          const stage = ['centered-clipping', { tau, iterations, previous }] as const;
          expectClose(await actual(updates, stage), expected(updates, stage), 2e-6, `n = ${n}, tau = ${tau}`);
        }
      }
    }
  });

  it('moves no farther than tau an iteration, whatever most rows send', async () => {
    const rule = centeredClipping({ tau: 3, iterations: 1 });
    const columns = (...entries: number[]) => entries.map((entry) => Float32Array.of(entry, 0));
    expect((await aggregate(columns(1e38, 1e38, 0.5), rule)).value[0]).within(0, 3);
    expectClose((await aggregate(columns(1e38, 0.25, 0.5), rule)).value, [1.25, 0], 2e-7);
  });

  it('is the mean where tau clips nothing', async () => {
    const updates = unequalRows(7, 40, 9);
    const stage = ['centered-clipping', { tau: 1e9 }] as const;
    expectClose(await actual(updates, stage), expected(updates, ['mean']), 2e-6);
  });
});
