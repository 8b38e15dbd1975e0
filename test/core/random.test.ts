import { expect } from 'chai';
import { createRandom } from '../../src/core/random.js';

describe('createRandom', () => {
  it('gives the same stream for the same words, on any engine', () => {
    const random = createRandom(1, 2);
    const draws = Array.from({ length: 3 }, () => random.uint32());
    expect(draws).deep.equal([505545477, 1092834049, 1921590551]);
    expect([random.uniform(), random.normal(), random.normal()]).deep.equal([
      0.70589294505751, -0.8368998947911875, 0.9315889097993383,
    ]);
  });

  it('gives other streams for other words, their order and high bits included', () => {
    const streams = [[], [0], [1], [0, 0], [0, 1], [1, 0], [2 ** 32], [2 ** 32 + 1], [2 ** 52]];
    const starts = streams.map((words) => {
      const { uint32 } = createRandom(...words);
      return `${uint32()} ${uint32()}`;
    });
    expect(new Set(starts).size).equal(streams.length);
  });

  it('draws every number below a bound about as often', () => {
    const { below } = createRandom(3);
    for (const bound of [1, 2, 7, 10]) {
      const counts = new Uint32Array(bound);
      for (let i = 0; i < 10_000; i++) counts[below(bound)]!++;
      const share = 10_000 / bound;
      for (const count of counts)
        expect(count).within(share - 5 * Math.sqrt(share), share + 5 * Math.sqrt(share));
    }
  });

  it('stays within [0, 1) with a mean of a half', () => {
    const { uniform } = createRandom(4);
    let sum = 0;
    for (let i = 0; i < 20_000; i++) {
      const draw = uniform();
      expect(draw >= 0 && draw < 1).equal(true);
      sum += draw;
    }
    expect(sum / 20_000).closeTo(0.5, 0.0102); // five standard errors
  });

  it('draws normal numbers: their shares beyond 0, 1, 2 and 3 deviations', () => {
    const { normal } = createRandom(5);
    const count = 100_000;
    const draws = Float64Array.from({ length: count }, () => normal());
    const tails = [
      [-3, 0.99865],
      [-2, 0.97725],
      [-1, 0.841345],
      [-0.5, 0.691462],
      [0, 0.5],
      [0.5, 0.308538],
      [1, 0.158655],
      [2, 0.02275],
      [3, 0.00135],
    ];
    for (const [bound, share] of tails) {
      const error = 5 * Math.sqrt((share! * (1 - share!)) / count);
      expect(draws.filter((draw) => draw > bound!).length / count, `above ${bound}`).closeTo(share!, error);
    }
  });
});
