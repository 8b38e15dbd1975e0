import { expect } from 'chai';
import { aggregate, mda } from '../../src/index.js';
import { unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('mda', () => {
  agreesWithReference({
    stages: (n, f) => (n > 2 * f && f <= 5 && (n <= 17 || f <= 2) ? [['mda', { f }]] : undefined),
    maxRows: 48,
  });

  it('takes the first of the subsets of equal diameter, in lexicographic order', async () => {
    const updates = [0, 1, 2, 3, 4].map((entry) => Float32Array.of(entry));
    expect((await aggregate(updates, mda({ f: 2 }))).value[0]).equal(1);
  });

  it('finds the honest rows among many, where trying all subsets would not end', async () => {
    const honest = unequalRows(40, 20, 1);
    const attackers = unequalRows(15, 20, 2).map((row) => row.map((entry) => entry + 1000));
    const { value } = await aggregate([...attackers, ...honest], mda({ f: 15 }));
    const { value: wanted } = await aggregate(honest, mda({ f: 0 }));
    expect([...value]).deep.equal([...wanted]);
  });
});
