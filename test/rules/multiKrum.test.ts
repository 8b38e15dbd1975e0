import { actual, expected } from '../support/library.js';
import { expectClose } from '../support/close.js';
import { unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('multiKrum', () => {
  agreesWithReference({ stages: (n, f) => (n > 2 * f + 2 ? [['multi-krum', { f }]] : undefined) });

  it('averages the m best rows, and is krum for m = 1', async () => {
    const updates = unequalRows(13, 29, 6);
    for (let m = 1; m <= 13; m++) {
      const stage = ['multi-krum', { f: 3, m, neighbors: 9 }] as const;
      expectClose(await actual(updates, stage), expected(updates, stage), m === 1 ? 0 : 1e-6);
    }
    expectClose(
      await actual(updates, ['multi-krum', { f: 3, m: 1 }]),
      expected(updates, ['krum', { f: 3 }]),
      0,
    );
  });
});
