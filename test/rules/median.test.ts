import { expect } from 'chai';
import { aggregate, median } from '../../src/index.js';
import { largestFloat } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('median', () => {
  agreesWithReference({
    stages: () => [['median']],
    relative: 6e-8,
    relativeIfClose: 7e-8,
    rowsOfWide: [11, 50],
  });

  it('takes the middle value, and the midpoint of two', async () => {
    const updates = [
      [5, 1],
      [1, 1],
      [4, 9],
      [2, -3],
    ].map((row) => Float32Array.from(row));
    expect([...(await aggregate(updates, median())).value]).deep.equal([3, 1]);
    expect([...(await aggregate(updates.slice(0, 3), median())).value]).deep.equal([4, 1]);
  });

  it('finds the midpoint of the two largest numbers there are', async () => {
    const updates = [largestFloat, largestFloat].map((entry) => Float32Array.of(entry, -entry));
    expect([...(await aggregate(updates, median())).value]).deep.equal([largestFloat, -largestFloat]);
  });

  it('treats +0 and −0 as equal', async () => {
    const updates = [-0, 0, -0, 0, 0].map((entry) => Float32Array.of(entry));
    expect((await aggregate(updates, median())).value[0]! + 0).equal(0);
  });
});
