import { expect } from 'chai';
import { CLASSES, type Digits, digitsOf } from '../../../examples/mnist/digits.js';
import { type Partition, partition } from '../../../examples/mnist/partition.js';

const COUNT = 5000;
const NODES = 10;

/** Only labels matter here: 500 of each. */
const digits: Digits = digitsOf(
  Array.from({ length: COUNT }, () => []),
  Array.from({ length: COUNT }, (_, i) => i % CLASSES),
);
const members = Uint32Array.from({ length: COUNT }, (_, i) => i);
const uniform: Partition = { kind: 'uniform' };
const dirichlet = (alpha: number): Partition => ({ kind: 'dirichlet', alpha });

/** For each node and label, the share of the label's digits that the node holds. */
function shares(held: readonly Uint32Array[]): number[] {
  return held.flatMap((indices) => {
    const counts = new Array<number>(CLASSES).fill(0);
    for (const index of indices) counts[digits.labels[index]!]!++;
    return counts.map((count) => count / (COUNT / CLASSES));
  });
}

function meanSquaredDeviation(alpha: number, seeds: number): number {
  let sum = 0;
  for (let seed = 0; seed < seeds; seed++) {
    for (const share of shares(partition(digits, members, NODES, dirichlet(alpha), seed))) {
      sum += (share - 1 / NODES) ** 2;
    }
  }
  return sum / (seeds * NODES * CLASSES);
}

describe('partition', () => {
  for (const how of [uniform, dirichlet(0.3), dirichlet(100)]) {
    it(`hands out every digit once: ${JSON.stringify(how)}`, () => {
      const held = partition(digits, members, NODES, how, 1);
      expect(held).length(NODES);
      expect(held.flatMap((indices) => [...indices]).sort((a, b) => a - b)).deep.equal([...members]);
    });

    it(`is a function of its seed: ${JSON.stringify(how)}`, () => {
      const draw = (seed: number) => partition(digits, members, NODES, how, seed);
      expect(draw(7)).deep.equal(draw(7));
      expect(draw(7)).not.deep.equal(draw(8));
    });
  }

  it('gives nodes equally many digits when uniform, give or take one', () => {
    const held = partition(digits, members.slice(0, 4996), NODES, uniform, 1);
    expect(held.map(({ length }) => length).sort()).deep.equal([
      499, 499, 499, 499, 500, 500, 500, 500, 500, 500,
    ]);
    for (const share of shares(held)) expect(share).within(0.05, 0.15);
  });

  it('draws shares with the variance of a Dirichlet distribution', () => {
    // Of Dirichlet-multinomial counts, N = 500 a label: p(1 − p)(N + Kα) / (N(1 + Kα)), p = 1/K.
    for (const alpha of [0.5, 1, 10]) {
      const total = NODES * alpha;
      const expected = (0.1 * 0.9 * (500 + total)) / (500 * (1 + total));
      expect(meanSquaredDeviation(alpha, 40), `alpha ${alpha}`).within(0.85 * expected, 1.15 * expected);
    }
  });

  it('leaves every node enough digits for a batch', () => {
    for (let seed = 0; seed < 20; seed++) {
      for (const { length } of partition(digits, members, NODES, dirichlet(0.1), seed)) {
        expect(length).at.least(20);
      }
    }
  });

  it('refuses what cannot be done', () => {
    expect(() => partition(digits, members.slice(0, 199), NODES, uniform, 1)).throw(RangeError);
    expect(() => partition(digits, members, 100, dirichlet(1e-6), 1)).throw(RangeError);
  });

  it('leaves the list of digits as it was', () => {
    const before = members.slice();
    partition(digits, members, NODES, dirichlet(1), 1);
    expect(members).deep.equal(before);
  });
});
