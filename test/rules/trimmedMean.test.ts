import { expect } from 'chai';
import { aggregate, createEngine, trimmedMean } from '../../src/index.js';
import { agreesWithReference } from '../support/sweep.js';

describe('trimmedMean', () => {
  agreesWithReference({
    stages: (n, f) => (n > 2 * f ? [['trimmed-mean', { f }]] : undefined),
    relative: 1e-6,
    relativeIfClose: 7e-8,
    rowsOfWide: [11, 49],
  });

  it('stays within the honest range whatever one attacker sends', async () => {
    for (const lie of [1e30, -1e30, 3e38, -3e38]) {
      const updates = [
        [1, 10],
        [2, 20],
        [3, 30],
        [lie, lie],
      ].map((row) => Float32Array.from(row));
      const { value } = await aggregate(updates, trimmedMean({ f: 1 }));
      expect(value[0]).within(1, 3);
      expect(value[1]).within(10, 30);
    }
  });

  it('returns the common value of rows that agree, to the bit', async () => {
    for (const entry of [0.1, 1 / 3, 1e-40, 3.3e38, -7e-5]) {
      for (const n of [3, 5, 6, 7, 10, 23, 49, 64]) {
        const updates = Array.from({ length: n }, () => Float32Array.of(entry));
        expect((await aggregate(updates, trimmedMean({ f: 1 }))).value[0]).equal(Math.fround(entry));
      }
    }
  });

  it('has a mean where differences and sums of the values overflow, compiled and interpreted alike', async () => {
    const size = 3e38;
    for (const compileNetworks of [true, false]) {
      const engine = createEngine({ threads: 1, compileNetworks });
      for (const n of [5, 8, 49]) {
        // Columns 0 and 20 have half their values at each end, and one in the middle; the others are small.
        const updates = Array.from({ length: n }, (_, i) =>
          Float32Array.from({ length: 40 }, (_, k) =>
            k % 20 === 0 ? size * Math.sign(2 * i - (n - 1)) * (k === 0 ? 1 : 0.5) : i,
          ),
        );
        const { value } = await aggregate(updates, trimmedMean({ f: 1 }), { engine });
        expect(value[0]! / size).closeTo(0, 1e-7);
        expect(value[20]! / size).closeTo(0, 1e-7);
        expect(value[1]).equal((n - 1) / 2);
        const uneven = updates.map((row) => row.map((entry) => (entry > 1e38 ? size : entry)));
        const mean = (await aggregate(uneven, trimmedMean({ f: 1 }), { engine })).value[20]! / size;
        const each = Math.floor(n / 2) - 1;
        expect(mean).closeTo((each * 0.5) / (n - 2), 1e-6);
      }
      await engine.dispose();
    }
  });
});
