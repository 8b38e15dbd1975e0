/**
 * One node's side of training: the update that it sends for a round.
 *
 * An update is the node's momentum, m ← β·m + (1 − β)·gradient, of a batch of its own digits. Averaging over time at
 * the node makes honest updates differ less from each other, and what honest updates differ by is the room that an
 * attacker has to hide in (Karimireddy et al. 2021, Farhadkhani et al. 2022). The server steps against the
 * aggregate of these.
 *
 * Which digits are in the batch is a function of (seed, node, round) alone, so that a node that missed rounds goes on
 * like one that did not; its momentum is the only state.
 */
import type { Digits } from './digits.js';
import type { Network } from './network.js';
import { stream } from './streams.js';

export interface TrainerOptions {
  readonly network: Network;
  readonly digits: Digits;
  /** Indices of the digits that the node holds; read, not written to. */
  readonly held: Uint32Array;
  readonly batchSize: number;
  /** β, from 0 (plain gradients) to below 1. */
  readonly momentum: number;
  readonly seed: number;
  /** The node's number: nodes with the same seed draw different batches. */
  readonly node: number;
  /** What the node takes a label for; an honest one leaves it out. */
  readonly labelOf?: (label: number) => number;
}

export interface Trainer {
  /**
   * Writes the update for a round. `model` is read only; `into` has d entries, all are overwritten.
   *
   * @returns whether the update is finite; from a model that has run away it isn't
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
      return Number.isFinite(sum); // float32 numbers, however many, don't overflow a float64 sum
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
