import { aggregate, mean } from '../../src/index.js';
import { actual, expected } from '../support/library.js';
import { expectClose } from '../support/close.js';
import { random, unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('mean', () => {
  agreesWithReference({ stages: () => [['mean']], robust: false, rowsOfWide: [11, 50] });

  it('weights rows by any numbers that are not negative', async () => {
    for (const n of [1, 2, 9, 100]) {
      const { uniform } = random(n);
      const updates = unequalRows(n, 131, n);
      for (const scale of [1e-12, 1, 60_000]) {
        const weights = updates.map(() => scale * (0.5 + uniform()));
        const stage = ['mean', { weights }] as const;
        expectClose(await actual(updates, stage), expected(updates, stage), 1e-6);
      }
    }
  });

  it('leaves rows of weight 0 out, whatever they hold', async () => {
    const updates = [
      [1, 2],
      [3, 4],
      [3e38, -3e38],
    ].map((row) => Float32Array.from(row));
    const { value } = await aggregate(updates, mean({ weights: [1, 3, 0] }));
    expectClose(value, [2.5, 3.5], 1e-7);
  });

  it('keeps a sum that float32 could not hold', async () => {
    const updates = [3e38, 3.2e38, 3.1e38, 3.3e38].map((entry) => Float32Array.of(entry, -entry));
    expectClose((await aggregate(updates, mean())).value, [3.15e38, -3.15e38], 2e-7);
  });
});
