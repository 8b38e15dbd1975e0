/**
 * A network of one hidden layer for digits: ink → hidden units (rectified) → softmax over labels, cross-entropy loss.
 *
 * The parameters form one vector of d numbers, which is what nodes exchange:
 *
 *   inputWeights   PIXELS × hidden, row-major: a pixel's row is contiguous, so that a blank pixel costs nothing
 *   hiddenBias     hidden
 *   outputWeights  CLASSES × hidden, row-major
 *   outputBias     CLASSES
 *
 * Sums are in float64 and in a fixed order, and exponential.ts replaces Math.exp, so that the same parameters and digits
 * give the same gradient on every engine.
 */
import { CLASSES, type Digits, PIXELS } from './digits.js';
import { exponential } from './exponential.js';
import { stream } from './streams.js';

export type Parameters = Float32Array | Float64Array;

export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

export interface Network {
  /** The number of parameters. */
  readonly d: number;
  /** The position of each tensor in the vector. */
  readonly tensors: readonly Tensor[];
  /** Initial parameters: weights uniform with variance 2 / inputs (He et al. 2015), biases 0. */
  initialize(seed: number): Float32Array;
  /**
   * Writes the mean gradient over the chosen digits.
   *
   * @param labelOf maps a digit's label to the one to learn; the identity for honest nodes
   */
  gradient(
    parameters: Parameters,
    digits: Digits,
    chosen: Uint32Array,
    into: Parameters,
    labelOf?: (label: number) => number,
  ): void;
  /** Mean cross-entropy over the chosen digits, for reports: it uses Math.log. */
  loss(parameters: Parameters, digits: Digits, chosen: Uint32Array): number;
  /** The share of the chosen digits whose label gets the largest score; 0 for NaN parameters. */
  accuracy(parameters: Parameters, digits: Digits, chosen: Uint32Array): number;
}

const sameLabel = (label: number): number => label;

/** A network owns scratch memory, so its calls must not overlap or come from several threads. */
export function createNetwork(hidden: number): Network {
  if (hidden % 4 !== 0) throw new RangeError('the number of hidden units must be a multiple of 4');
  const hiddenBias = PIXELS * hidden;
  const outputWeights = hiddenBias + hidden;
  const outputBias = outputWeights + CLASSES * hidden;
  const d = outputBias + CLASSES;

  const units = new Float64Array(hidden);
  const unitErrors = new Float64Array(hidden);
  const scores = new Float64Array(CLASSES);

  /**
   * Processes four hidden units at a time, held in variables while it reads the image: twice as fast as visiting every
   * unit for each pixel.
   */
  const toUnits = (parameters: Parameters, digits: Digits, digit: number): void => {
    const { starts, pixels, ink } = digits;
    const first = starts[digit];
    const end = starts[digit + 1]!;
    for (let j = 0; j < hidden; j += 4) {
      let unit0: number = parameters[hiddenBias + j]!;
      let unit1: number = parameters[hiddenBias + j + 1]!;
      let unit2: number = parameters[hiddenBias + j + 2]!;
      let unit3: number = parameters[hiddenBias + j + 3]!;
      for (let entry = first; entry! < end; entry!++) {
        const k = pixels[entry!]! * hidden + j;
        const value = ink[entry!]!;
        unit0 += value * parameters[k]!;
        unit1 += value * parameters[k + 1]!;
        unit2 += value * parameters[k + 2]!;
        unit3 += value * parameters[k + 3]!;
      }
      units[j] = unit0 > 0 ? unit0 : 0;
      units[j + 1] = unit1 > 0 ? unit1 : 0;
      units[j + 2] = unit2 > 0 ? unit2 : 0;
      units[j + 3] = unit3 > 0 ? unit3 : 0;
    }
  };

  /** The backward pass: adds each inked pixel's share of the units' errors, in the same blocks. */
  const fromUnits = (digits: Digits, digit: number, into: Parameters): void => {
    const { starts, pixels, ink } = digits;
    const first = starts[digit];
    const end = starts[digit + 1]!;
    for (let j = 0; j < hidden; j += 4) {
      const error0 = unitErrors[j]!;
      const error1 = unitErrors[j + 1]!;
      const error2 = unitErrors[j + 2]!;
      const error3 = unitErrors[j + 3]!;
      for (let entry = first; entry! < end; entry!++) {
        const k = pixels[entry!]! * hidden + j;
        const value = ink[entry!]!;
        into[k]! += value * error0;
        into[k + 1]! += value * error1;
        into[k + 2]! += value * error2;
        into[k + 3]! += value * error3;
      }
    }
  };

  /** Writes the rectified hidden units to `units` and the scores before the softmax to `scores`. */
  const forward = (parameters: Parameters, digits: Digits, digit: number): void => {
    toUnits(parameters, digits, digit);
    for (let label = 0; label < CLASSES; label++) {
      const row = outputWeights + label * hidden;
      let score = parameters[outputBias + label]!;
      for (let j = 0; j < hidden; j++) score += units[j]! * parameters[row + j]!;
      scores[label] = score;
    }
  };

  /** Turns scores into probabilities, in place. */
  const softmax = (): void => {
    let largest = scores[0]!;
    for (let label = 1; label < CLASSES; label++) if (scores[label]! > largest) largest = scores[label]!;
    let sum = 0;
    for (let label = 0; label < CLASSES; label++)
      sum += scores[label] = exponential(scores[label]! - largest);
    for (let label = 0; label < CLASSES; label++) scores[label]! /= sum;
  };

  const initialize = (seed: number): Float32Array => {
    const random = stream(seed, 'firstModel');
    const parameters = new Float32Array(d);
    const fill = (from: number, to: number, inputs: number): void => {
      const bound = Math.sqrt(6 / inputs);
      for (let k = from; k < to; k++) parameters[k] = bound * (2 * random.uniform() - 1);
    };
    fill(0, hiddenBias, PIXELS);
    fill(outputWeights, outputBias, hidden);
    return parameters;
  };

  const gradient: Network['gradient'] = (parameters, digits, chosen, into, labelOf = sameLabel) => {
    const { labels } = digits;
    into.fill(0);
    for (const digit of chosen) {
      forward(parameters, digits, digit);
      softmax();
      scores[labelOf(labels[digit]!)]! -= 1;
      unitErrors.fill(0);
      for (let label = 0; label < CLASSES; label++) {
        const row = outputWeights + label * hidden;
        const error = scores[label]! / chosen.length;
        into[outputBias + label]! += error;
        for (let j = 0; j < hidden; j++) {
          into[row + j]! += error * units[j]!;
          unitErrors[j]! += error * parameters[row + j]!;
        }
      }
      for (let j = 0; j < hidden; j++) {
        if (units[j] === 0) unitErrors[j] = 0;
        into[hiddenBias + j]! += unitErrors[j]!;
      }
      fromUnits(digits, digit, into);
    }
  };

  const loss: Network['loss'] = (parameters, digits, chosen) => {
    let sum = 0;
    for (const digit of chosen) {
      forward(parameters, digits, digit);
      softmax();
      sum -= Math.log(scores[digits.labels[digit]!]!);
    }
    return sum / chosen.length;
  };

  const accuracy: Network['accuracy'] = (parameters, digits, chosen) => {
    let right = 0;
    for (const digit of chosen) {
      forward(parameters, digits, digit);
      let best = -1;
      for (let label = 0; label < CLASSES; label++) {
        if (scores[label]! > (best < 0 ? -Infinity : scores[best]!)) best = label;
      }
      if (best === digits.labels[digit]) right++;
    }
    return right / chosen.length;
  };

  const tensors = [
    { name: 'inputWeights', shape: [PIXELS, hidden], offset: 0 },
    { name: 'hiddenBias', shape: [hidden], offset: hiddenBias },
    { name: 'outputWeights', shape: [CLASSES, hidden], offset: outputWeights },
    { name: 'outputBias', shape: [CLASSES], offset: outputBias },
  ];
  return { d, tensors, initialize, gradient, loss, accuracy };
}
