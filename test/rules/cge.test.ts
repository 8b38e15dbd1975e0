import { expect } from 'chai';
import { aggregate, cge } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('cge', () => {
  agreesWithReference({ stages: (n, f) => (n > f ? [['cge', { f }]] : undefined) });

  it('averages the n − f shortest rows, of equally long ones that with the lesser values', async () => {
    const updates = [
      [3, 4],
      [0, 1],
      [5, 0],
      [-4, 3],
    ].map((row) => Float32Array.from(row));
    expect([...(await aggregate(updates, cge({ f: 2 }))).value]).deep.equal([-2, 2]);
  });

  it('leaves one row where f = n − 1', async () => {
    const updates = [
      [3, 4],
      [0, 1],
      [5, 0],
    ].map((row) => Float32Array.from(row));
    expect([...(await aggregate(updates, cge({ f: 2 }))).value]).deep.equal([0, 1]);
  });
});
