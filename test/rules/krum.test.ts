import { expect } from 'chai';
import { aggregate, krum } from '../../src/index.js';
import { actual, expected } from '../support/library.js';
import { expectClose } from '../support/close.js';
import { closeRows, unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('krum', () => {
  agreesWithReference({ stages: (n, f) => (n > 2 * f + 2 ? [['krum', { f }]] : undefined), relative: 0 });

  it('sums over the given number of neighbors', async () => {
    const updates = unequalRows(13, 29, 5);
    for (let neighbors = 1; neighbors <= 12; neighbors++) {
      const stage = ['krum', { f: 3, neighbors }] as const;
      expectClose(await actual(updates, stage), expected(updates, stage), 0);
    }
  });

  it('takes the shorter of rows that are equally good', async () => {
    const updates = [9, 1, 0, 1, 0].map((entry) => Float32Array.of(entry, 7));
    // Two neighbors each: the ones score 0 + 1, and so do the zeros.
    expect([...(await aggregate(updates, krum({ f: 1 }))).value]).deep.equal([0, 7]);
  });

  it('distinguishes updates that nearly coincide', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const updates = closeRows(9, 257, seed);
      expectClose(await actual(updates, ['krum', { f: 2 }]), expected(updates, ['krum', { f: 2 }]), 0);
    }
  });
});
