import type { Random } from '../../src/attacks/index.js';
import { createRandom } from '../../src/attacks/index.js';

/** The numbers 0 … count − 1 in an order that the seed names. */
export function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  shuffle(order, createRandom(seed));
  return order;
}

/** Fisher and Yates' shuffle, in place. */
export function shuffle(order: Uint32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
}
