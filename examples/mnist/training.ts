/**
 * One node's side of training: the update that it sends for a round.
 *
 * An update is the node's momentum, m ← β·m + (1 − β)·gradient, over a batch of its own digits. Averaging over time makes
 * honest updates more alike, and the differences between honest updates are where an attacker can hide (Karimireddy et
 * al. 2021, Farhadkhani et al. 2022). The server steps against the aggregate.
 *
 * A batch is a function of (seed, node, round) alone, so that a node that missed rounds draws the same batches as one
 * that didn't. The momentum is the only state.
 */
import type { Digits } from './digits.js';
import type { Network } from './network.js';
import { stream } from './streams.js';

export interface TrainerOptions {
  readonly network: Network;
  readonly digits: Digits;
  /** Indices of the digits that the node holds; not modified. */
  readonly held: Uint32Array;
  readonly batchSize: number;
  /** β, from 0 (plain gradients) to below 1. */
  readonly momentum: number;
  readonly seed: number;
  /** The node's number: nodes with the same seed draw different batches. */
  readonly node: number;
  /** Maps a digit's label to the one to learn. Defaults to the identity, for honest nodes. */
  readonly labelOf?: (label: number) => number;
}

export interface Trainer {
  /**
   * Writes the update for a round. `model` is read only; `into` has d entries, all of which are overwritten.
   *
   * @returns whether the update is finite; it isn't if the model has diverged
   */
  update(model: Float32Array, round: number, into: Float32Array): boolean;
}

/** The label-flipping attack: honest training on wrong labels. */
export const flippedLabel = (label: number): number => 9 - label;

export function createTrainer(options: TrainerOptions): Trainer {
  const { network, digits, held, batchSize, momentum, seed, node } = options;
  const labelOf = options.labelOf ?? ((label: number): number => label);
  const batch = new Uint32Array(batchSize);
  const gradient = new Float32Array(network.d);
  const memory = new Float32Array(network.d);

  return {
    update(model, round, into) {
      const random = stream(seed, 'batches', node, round);
      for (let i = 0; i < batchSize; i++) batch[i] = held[random.below(held.length)]!;
      network.gradient(model, digits, batch, gradient, labelOf);
      const sum = blend(memory, momentum, gradient);
      into.set(memory);
      return Number.isFinite(sum); // a float64 sum of float32 numbers doesn't overflow
    },
  };
}

/** memory ← momentum · memory + (1 − momentum) · gradient. @returns the sum of the new memory */
function blend(memory: Float32Array, momentum: number, gradient: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < memory.length; k++) {
    const value = Math.fround(momentum * memory[k]! + (1 - momentum) * gradient[k]!);
    memory[k] = value;
    sum += value;
  }
  return sum;
}
