import { actual, expected } from '../support/library.js';
import { expectClose } from '../support/close.js';
import { attacked, unequalRows } from '../support/random.js';
import { agreesWithReference } from '../support/sweep.js';

describe('smea', () => {
  agreesWithReference({
    stages: (n, f) => (n > 2 * f && f <= 3 && (n <= 11 || f <= 1) ? [['smea', { f }]] : undefined),
    maxRows: 17,
    rowsOfWide: [7],
    // On ties many subsets are equally good, and rounding decides.
    without: ['small whole numbers, full of ties', 'the same rows twice'],
  });

  it('finds the honest rows in every one of sixty blatant cases', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const updates = attacked(unequalRows(10, 8, seed), 3, (_, k) => 20 + k, 'first');
      const honest = expected(updates.slice(3), ['mean']);
      expectClose(await actual(updates, ['smea', { f: 3 }]), honest, 1e-6, `seed ${seed}`);
    }
  });
});
