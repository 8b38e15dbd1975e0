import { expect } from 'chai';
import { aggregate, geometricMedian } from '../../src/index.js';
import { actual, expected } from '../support/library.js';
import { expectClose } from '../support/close.js';
import { unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('geometricMedian', () => {
  agreesWithReference({
    stages: (n) => (n > 2 ? [['geometric-median', { tolerance: 1e-12, maxIterations: 10_000 }]] : undefined),
    relative: 1e-5,
    // Where every distance is below nu, or a median is not unique, the way there decides: see below.
    without: ['values of 1e-30', 'denormals'],
  });

  it('makes the steps it is asked for, from the origin', async () => {
    const updates = unequalRows(9, 70, 3);
    for (let maxIterations = 1; maxIterations <= 6; maxIterations++) {
      const stage = ['geometric-median', { nu: 0.1, tolerance: 0, maxIterations }] as const;
      expectClose(await actual(updates, stage), expected(updates, stage), 2e-6);
    }
  });

  it('counts distances below nu as nu', async () => {
    // The rows are 8 to 25 away.
    const updates = unequalRows(9, 70, 3);
    for (const maxIterations of [1, 2, 5]) {
      const stage = ['geometric-median', { nu: 15, tolerance: 0, maxIterations }] as const;
      expectClose(await actual(updates, stage), expected(updates, stage), 2e-6);
    }
  });

  it('is the mean where every distance is below nu', async () => {
    const updates = unequalRows(6, 70, 4).map((row) => row.map((entry) => entry * 1e-20));
    expectClose(await actual(updates, ['geometric-median', {}]), expected(updates, ['mean']), 2e-6);
  });

  it('converges by default', async () => {
    for (const n of [3, 10, 50]) {
      const updates = unequalRows(n, 200, n);
      const stage = ['geometric-median', {}] as const;
      expectClose(await actual(updates, stage), expected(updates, stage), 1e-5);
    }
  });

  it('stays at a row that more than half of the others repeat', async () => {
    const updates = [
      [1, 2],
      [1, 2],
      [1, 2],
      [1e38, 5],
      [-4, 1e30],
    ].map((row) => Float32Array.from(row));
    expectClose((await aggregate(updates, geometricMedian({ maxIterations: 2000 }))).value, [1, 2], 1e-5);
  });

  it('returns the only row there is', async () => {
    const row = unequalRows(1, 33, 1)[0]!;
    expect([...(await aggregate([row], geometricMedian())).value]).deep.equal([...row]);
  });
});
