/** Ways to damage a file, each seeded: what a disk, a crash or a hand may do to it. */
import { random } from '../support/random.js';

export type DamageKind = 'flipped' | 'truncated' | 'emptied' | 'zeroed' | 'appended to' | 'torn';

/** @returns other bytes than those given */
export function damage(bytes: Buffer, kind: DamageKind, seed: number): Buffer {
  const { whole } = random(seed);
  const anyByte = (): number => whole(0, bytes.length - 1);
  switch (kind) {
    case 'flipped':
      return flipped(bytes, filledByte(bytes, anyByte()), whole(0, 7));
    case 'truncated':
      return bytes.subarray(0, anyByte());
    case 'emptied':
      return Buffer.alloc(0);
    case 'zeroed': {
      const at = filledByte(bytes, anyByte());
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.alloc(Math.min(64, bytes.length - at)),
        bytes.subarray(at + 64),
      ]);
    }
    case 'appended to':
      return Buffer.concat([bytes, Buffer.from(Array.from({ length: whole(1, 300) }, () => whole(0, 255)))]);
    case 'torn':
      return Buffer.concat([bytes, beginningOf(bytes)]);
  }
}

/** Half of what such a file begins with: what an append that was cut off leaves of a whole one. */
const beginningOf = (bytes: Buffer): Buffer => bytes.subarray(0, Math.min(30, bytes.length >> 1));

function flipped(bytes: Buffer, at: number, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1 << bit;
  return copy;
}

/** The first byte from there on that holds something: most of a round's file is holes. */
function filledByte(bytes: Buffer, from: number): number {
  for (let step = 0; step < bytes.length; step++) {
    const at = (from + step) % bytes.length;
    if (bytes[at] !== 0) return at;
  }
  return from;
}
