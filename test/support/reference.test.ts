import { expect } from 'chai';
import { goldenCases, goldenStage, isPreaggregator, isRule, unflatten } from './golden.js';
import { expectClose } from './close.js';
import { normalRows, unequalRows } from './random.js';
import { reference, referenceRows } from './reference.js';
import { eigenpairs, topSpread } from './reference/eigen.js';
import { optimizerStart, optimizerStep } from './reference/optimizers.js';
import { permutation } from './reference/preaggregators.js';
import { dot, norm, scaled, subsets, toRows, weightedMean } from './reference/vectors.js';

describe('the float64 reference', () => {
  for (const golden of goldenCases) {
    const { data, n, d } = golden;
    const input = unflatten(golden.input, d);

    for (const [key, expected] of Object.entries(golden.rules)) {
      it(`agrees with ByzFL: ${data} ${n}×${d}, ${key}`, () => {
        const { name, parameters } = goldenStage(key, golden);
        if (isRule(name)) expectClose(reference(input, name, parameters), expected, 1e-8);
      });
    }

    for (const [key, expected] of Object.entries(golden.preaggregators)) {
      it(`agrees with ByzFL: ${data} ${n}×${d}, ${key}`, () => {
        const { name, parameters } = goldenStage(key, golden);
        if (isPreaggregator(name)) expectClose(referenceRows(input, name, parameters).flat(), expected, 1e-8);
      });
    }

    for (const [key, expected] of Object.entries(golden.pipelines)) {
      it(`agrees with ByzFL: ${data} ${n}×${d}, ${key}`, () => {
        const [first, last] = key.split(' > ').map((stage) => goldenStage(stage, golden));
        if (!isPreaggregator(first!.name) || !isRule(last!.name)) throw new Error(key);
        const rows = referenceRows(input, first!.name, first!.parameters);
        // ByzFL smooths the geometric median, by a millionth.
        const relative = last!.name === 'geometric-median' ? 1e-7 : 1e-8;
        expectClose(reference(rows, last!.name, last!.parameters), expected, relative);
      });
    }
  }
});

describe('the float64 reference where ByzFL has no say', () => {
  it('finds eigenpairs that satisfy their equation', () => {
    const rows = toRows(normalRows(9, 9, 1));
    const symmetric = rows.map((a) => rows.map((b) => dot(a, b)));
    const { values, vectors } = eigenpairs(symmetric);
    values.forEach((value, i) => {
      expect(norm(vectors[i]!)).closeTo(1, 1e-12);
      const image = symmetric.map((row) => dot(row, vectors[i]!));
      expectClose(image, scaled(vectors[i]!, value), 1e-10 * (values[0]! / value));
    });
  });

  it('finds the same top spread from the d × d and from the n × n matrix', () => {
    const rows = toRows(unequalRows(7, 6, 2));
    const weights = [1, 0.5, 0.25, 1, 0, 1, 0.75];
    const wide = rows.map((row) => [...row, 0, 0, 0]);
    const small = topSpread(rows, weights);
    const large = topSpread(wide, weights);
    expect(large.lambda).closeTo(small.lambda, 1e-12);
    expectClose(large.projections, small.projections, 1e-10);
  });

  it('lists every subset once, in lexicographic order', () => {
    expect([...subsets(4, 2)].join(' ')).equal('0,1 0,2 0,3 1,2 1,3 2,3');
    expect([...subsets(3, 3)]).deep.equal([[0, 1, 2]]);
    expect([...subsets(12, 8)].length).equal(495);
  });

  it('drops two blatant attackers by smea and caf alike', () => {
    const honest = toRows(unequalRows(8, 5, 3));
    const rows = [...honest, ...toRows(normalRows(2, 5, 4)).map((row) => row.map((entry) => 1e6 + entry))];
    expectClose(reference(rows, 'smea', { f: 2 }), weightedMean(honest), 1e-12);
    const best = reference(rows, 'caf', { f: 2 });
    expect(norm(best)).lessThan(5);
  });

  it('matches bulyan, cge, phocas and sign-vote worked out by hand', () => {
    const column = [[5], [1], [2], [3], [4], [100], [2.5]];
    // Krum picks 2.5, 2 (before 3, a tie), 4, 5 (a tie) and 1 (another). Of these five the three
    // about the median 2.5 are averaged: 2, 2.5 and, of the two that are 1.5 away, the smaller.
    expect(reference(column, 'bulyan', { f: 1 })).deep.equal([5.5 / 3]);
    expect(reference([[3], [-1], [2], [-9]], 'cge', { f: 1 })).deep.equal([4 / 3]);
    expect(reference([[0], [1], [2], [3], [10]], 'phocas', { f: 1 })).deep.equal([1.5]);
    expect(reference([[0], [-1], [2], [3]], 'sign-vote', { step: 0.5 })).deep.equal([0.5]);
    expect(reference([[0], [-1], [2], [0]], 'sign-vote')).deep.equal([0]);
  });

  it('puts every row into exactly one bucket', () => {
    const order = permutation(11, 42);
    expect([...order].sort((a, b) => a - b)).deep.equal(Array.from({ length: 11 }, (_, i) => i));
    expect(permutation(11, 42)).deep.equal(order);
    expect(permutation(11, 43)).not.deep.equal(order);
    const rows = referenceRows([[1], [2], [3], [4], [5]], 'bucketing', { s: 2, seed: 7 });
    expect(rows.length).equal(3);
    expect(2 * rows[0]![0]! + 2 * rows[1]![0]! + rows[2]![0]!).equal(15);
  });

  it('steps the server optimizers as worked out by hand', () => {
    const start = optimizerStart([1]);
    expect(optimizerStep('fedavg', start, [3]).model).deep.equal([3]);
    const momentum = optimizerStep('fedavgm', optimizerStep('fedavgm', start, [3]), [4]);
    expect(momentum.model[0]).closeTo(3 + 0.9 * 2 + 1, 1e-12);
    expect(optimizerStep('fedadagrad', start, [3]).model[0]).closeTo(1 + (0.1 * 0.2) / (2 + 1e-3), 1e-12);
    expect(optimizerStep('fedadam', start, [3]).model[0]).closeTo(1 + (0.1 * 0.2) / (0.2 + 1e-3), 1e-12);
    expect(optimizerStep('fedyogi', start, [3]).model[0]).closeTo(1 + (0.01 * 0.2) / (0.2 + 1e-3), 1e-12);
    const corrected = optimizerStep('fedadam', start, [3], { biasCorrection: true });
    expect(corrected.model[0]).closeTo(1 + (0.1 * 2) / (2 + 1e-3), 1e-12);
  });
});
