/**
 * The streams of random numbers that one seed names: whatever is drawn for one purpose leaves the others as they are.
 */
import { createRandom, type Random } from '../../src/core/random.js';

const streams = { split: 1, partition: 2, firstModel: 3, batches: 4 } as const;

/** @param words say which one of the purpose's streams: a node and a round, for instance */
export const stream = (seed: number, purpose: keyof typeof streams, ...words: number[]): Random =>
  createRandom(seed, streams[purpose], ...words);
