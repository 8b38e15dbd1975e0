/** Seeded random streams. Each purpose has streams of its own, so drawing from one never changes another. */
import { createRandom, type Random } from '../../src/core/random.js';

const streams = { split: 1, partition: 2, firstModel: 3, batches: 4 } as const;

/** @param words select one of the purpose's streams, for example by node and round */
export const stream = (seed: number, purpose: keyof typeof streams, ...words: number[]): Random =>
  createRandom(seed, streams[purpose], ...words);

/** Shuffles in place (Fisher–Yates). */
export function shuffle(order: Uint32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
}
