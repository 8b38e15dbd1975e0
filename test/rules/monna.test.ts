import { expect } from 'chai';
import { aggregate, monna } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('monna', () => {
  agreesWithReference({
    // The sweep's attackers are the first rows or the last ones, never the one in the middle.
    stages: (n, f) => (n > 2 * f ? [['monna', { f, pivot: Math.floor(n / 2) }]] : undefined),
  });

  it('averages the rows nearest to the pivot, itself included', async () => {
    const updates = [0, 10, 11, 13, 1].map((entry) => Float32Array.of(entry));
    expect((await aggregate(updates, monna({ f: 2, pivot: 4 }))).value[0]).closeTo(11 / 3, 1e-6);
    expect((await aggregate(updates, monna({ f: 2, pivot: 1 }))).value[0]).closeTo(34 / 3, 2e-6);
  });

  it('prefers the shorter of rows that are equally near, but never to the pivot', async () => {
    const updates = [5, 5, 9, 1, 5].map((entry) => Float32Array.of(entry));
    expect((await aggregate(updates, monna({ f: 1, pivot: 4 }))).value[0]).equal(4);
  });
});
