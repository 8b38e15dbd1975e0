/**
 * The trainer of the nodes here. Its update follows from the node, the round and the model's length alone, so that a
 * test can compute any round again:
 *
 *   quorate node … --trainer test/resilience/trainer.js --set node=3 --set delayMs=50
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createRandom } from '../../src/core/random.js';
import type { Train } from '../../src/client/node.js';

export interface TrainerOptions {
  readonly node: number;
  /** How long training takes. */
  readonly delayMs?: number;
}

/** d float32 of this node for this round, between −1 and 1. */
export function updateOf(node: number, round: number, d: number): Float32Array {
  const random = createRandom(node, round);
  const update = new Float32Array(d);
  for (let k = 0; k < d; k++) update[k] = random.uint32() / 2 ** 31 - 1;
  return update;
}

export const createTrainer = ({ node, delayMs = 0 }: TrainerOptions): { train: Train } => ({
  async train({ model, round, signal }) {
    if (delayMs > 0) await pause(delayMs, undefined, { signal });
    return { update: updateOf(node, round, model.values.length), numExamples: 1 };
  },
});
