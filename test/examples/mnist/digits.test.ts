import { expect } from 'chai';
import { CLASSES, digitsOf, loadDigits, PIXELS, split } from '../../../examples/mnist/digits.js';

describe('loadDigits', () => {
  it('finds ten thousand digits, of all labels, with ink between 0 and 1', async () => {
    const digits = await loadDigits();
    expect(digits.count).equal(10_000);
    const counts = new Array<number>(CLASSES).fill(0);
    for (const label of digits.labels) counts[label]!++;
    for (const count of counts) expect(count).within(800, 1200);
    expect(digits.ink.every((ink) => ink > 0 && ink <= 1)).equal(true);
    expect(digits.pixels.every((pixel) => pixel < PIXELS)).equal(true);
    expect(digits.starts.at(-1)).equal(digits.ink.length);
    for (let i = 0; i < digits.count; i++) {
      expect(digits.starts[i + 1]! - digits.starts[i]!).within(20, 450);
    }
  });
});

describe('digitsOf', () => {
  it('keeps inked pixels only', () => {
    const { starts, pixels, ink, labels } = digitsOf(
      [
        [0, 0.5, 0, 1],
        [0, 0, 0, 0],
        [0.25, 0, 0, 0],
      ],
      [4, 5, 6],
    );
    expect([...starts]).deep.equal([0, 2, 2, 3]);
    expect([...pixels]).deep.equal([1, 3, 0]);
    expect([...ink]).deep.equal([0.5, 1, 0.25]);
    expect([...labels]).deep.equal([4, 5, 6]);
  });
});

describe('split', () => {
  const digits = digitsOf(
    Array.from({ length: 100 }, () => []),
    new Array<number>(100).fill(0),
  );

  it('puts every digit into one part', () => {
    const { train, test } = split(digits, 30, 1);
    expect([train.length, test.length]).deep.equal([70, 30]);
    expect(new Set([...train, ...test]).size).equal(100);
  });

  it('is a function of its seed', () => {
    expect(split(digits, 30, 2)).deep.equal(split(digits, 30, 2));
    expect(split(digits, 30, 2)).not.deep.equal(split(digits, 30, 3));
  });
});
