import { expect } from 'chai';
import { exponential } from '../../../examples/mnist/exponential.js';
import { random } from '../../support/random.js';

describe('exponential', () => {
  it('agrees with Math.exp to within rounding', () => {
    const { uniform } = random(1);
    for (let i = 0; i < 20_000; i++) {
      const x = i % 2 ? -40 * uniform() : 1400 * uniform() - 700;
      const expected = Math.exp(x);
      expect(Math.abs(exponential(x) - expected) / expected, `at ${x}`).below(1e-15);
    }
  });

  it('is exact at 0, and ends in 0 and infinity', () => {
    expect(exponential(0)).equal(1);
    expect(exponential(-1e9)).equal(0);
    expect(exponential(-Infinity)).equal(0);
    expect(exponential(1e9)).equal(Infinity);
    expect(exponential(NaN)).NaN;
  });
});
