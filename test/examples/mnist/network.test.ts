import { expect } from 'chai';
import { CLASSES, type Digits, digitsOf, PIXELS } from '../../../examples/mnist/digits.js';
import { createNetwork } from '../../../examples/mnist/network.js';
import { flippedLabel } from '../../../examples/mnist/training.js';
import { random } from '../../support/random.js';

const HIDDEN = 8;

/** Images with a few inked pixels, pixel 0 never being one of them. */
function sparseDigits(count: number, seed: number): Digits {
  const draw = random(seed);
  const images = Array.from({ length: count }, () => {
    const image = new Float64Array(PIXELS);
    for (let i = 0; i < 40; i++) image[draw.whole(1, PIXELS - 1)] = draw.uniform();
    return image;
  });
  return digitsOf(
    images,
    images.map((_, i) => (3 * i) % CLASSES),
  );
}

describe('createNetwork', () => {
  const network = createNetwork(HIDDEN);
  const digits = sparseDigits(6, 1);
  const chosen = Uint32Array.of(0, 1, 2, 3, 4, 5);
  const parameters = Float64Array.from(network.initialize(2), (value) => value * 0.9 + 0.003);

  /** Every kind of parameter: weights of inked and blank pixels, biases, output weights. */
  const probes = [
    ...Array.from(digits.pixels.slice(0, 30), (pixel, i) => pixel * HIDDEN + (i % HIDDEN)),
    ...Array.from({ length: HIDDEN + CLASSES * HIDDEN + CLASSES }, (_, i) => PIXELS * HIDDEN + i),
    3,
  ];

  function differenceQuotient(data: Digits, k: number): number {
    const step = 1e-6;
    const moved = parameters.slice();
    moved[k] = parameters[k]! + step;
    const above = network.loss(moved, data, chosen);
    moved[k] = parameters[k]! - step;
    return (above - network.loss(moved, data, chosen)) / (2 * step);
  }

  it('has the gradient that finite differences of its loss give', () => {
    const gradient = new Float64Array(network.d).fill(NaN);
    network.gradient(parameters, digits, chosen, gradient);
    for (const k of probes) expect(gradient[k], `entry ${k}`).closeTo(differenceQuotient(digits, k), 1e-8);
    expect(Math.max(...gradient.map(Math.abs))).greaterThan(0.01);
  });

  it('has, for flipped labels, the gradient of digits so labeled', () => {
    const gradient = new Float64Array(network.d);
    network.gradient(parameters, digits, chosen, gradient, flippedLabel);
    const flipped = { ...digits, labels: digits.labels.map(flippedLabel) };
    for (const k of probes) expect(gradient[k], `entry ${k}`).closeTo(differenceQuotient(flipped, k), 1e-8);
  });

  it('has no gradient where no image has ink', () => {
    const gradient = new Float64Array(network.d).fill(NaN);
    network.gradient(parameters, digits, chosen, gradient);
    expect([...gradient.slice(0, HIDDEN)]).deep.equal(new Array(HIDDEN).fill(0));
  });

  it('gives float32 parameters the same gradient, rounded', () => {
    const single = Float32Array.from(parameters);
    const [exact, rounded] = [new Float64Array(network.d), new Float32Array(network.d)];
    network.gradient(Float64Array.from(single), digits, chosen, exact);
    network.gradient(single, digits, chosen, rounded);
    for (const [k, value] of exact.entries()) expect(rounded[k]).closeTo(value, 1e-7);
  });

  it('lays its tensors out without gaps', () => {
    let offset = 0;
    for (const tensor of network.tensors) {
      expect(tensor.offset, tensor.name).equal(offset);
      offset += tensor.shape.reduce((product, size) => product * size, 1);
    }
    expect(offset).equal(network.d);
  });

  it('starts from weights within the bounds of their variance, and from biases of 0', () => {
    const first = network.initialize(5);
    const weights = first.slice(0, PIXELS * HIDDEN);
    const bound = Math.sqrt(6 / PIXELS);
    expect(weights.every((weight) => Math.abs(weight) <= bound)).equal(true);
    expect(weights.reduce((sum, weight) => sum + weight * weight, 0) / weights.length).closeTo(
      2 / PIXELS,
      1e-4,
    );
    expect(first.slice(PIXELS * HIDDEN, PIXELS * HIDDEN + HIDDEN).every((bias) => bias === 0)).equal(true);
    expect(network.initialize(5)).deep.equal(first);
    expect(network.initialize(6)).not.deep.equal(first);
  });

  it('counts the digits that it reads correctly, and none with parameters that are no numbers', () => {
    const sure = new Float32Array(network.d);
    sure[network.tensors[3]!.offset + 3] = 1; // the bias of label 3
    expect(network.accuracy(sure, digits, chosen)).equal(1 / 6);
    expect(network.accuracy(sure.fill(NaN), digits, chosen)).equal(0);
  });
});
