/**
 * Batches one after the other, as the journal has them. A batch is what one write makes durable: its records, as a JSON
 * array, cut into chunks none of which crosses a block of 4096 bytes. Where fewer than 33 bytes of a block are left, a
 * chunk begins with the next block, and the bytes between are zero. A chunk, all numbers little-endian:
 *
 *    0  u32   magic, "QJB2"
 *    4  u16   bytes of JSON in this chunk, at least 1
 *    6  u16   1: the batch's first chunk; 2: its last; 3: both; 0: neither
 *    8  u64   the batch's number, which grows with each attempt to write one; below 2^53
 *   16  u64   the file's length before the batch, all of which was durable when it was written; below 2^53
 *   24  u32   CRC-32 of the JSON in this chunk
 *   28  u32   CRC-32 of the 28 bytes before
 *   32        JSON in UTF-8, which has no zero byte, and so never looks like the head of a chunk
 *
 * A power failure may leave any of the pages of the last batch unwritten. Each page that is there has a head, which says
 * what was durable before: whether a batch that can't be read was acknowledged is thereby shown by what follows it.
 */
import { crc32 } from 'node:zlib';

export const BLOCK_BYTES = 4096;
export const CHUNK_HEAD_BYTES = 32;
const FIRST = 1;
const LAST = 2;
const magic = Buffer.from('QJB2');

/** A whole chunk. */
export interface Chunk {
  readonly number: number;
  /** The length of the file before the batch. */
  readonly durable: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** A view of the block. */
  readonly json: Buffer;
}

/** Where the next chunk begins if one ends here. */
export function chunkStart(position: number): number {
  const left = BLOCK_BYTES - (position % BLOCK_BYTES);
  return left > CHUNK_HEAD_BYTES ? position : position + left;
}

/** The bytes of a batch, to be written at `durable`. */
export function encodeBatch(records: readonly unknown[], number: number, durable: number): Buffer {
  const json = Buffer.from(JSON.stringify(records));
  const parts: Buffer[] = [];
  let position = durable;
  for (let done = 0; done < json.length;) {
    const start = chunkStart(position);
    if (start > position) parts.push(Buffer.alloc(start - position));
    const room = BLOCK_BYTES - (start % BLOCK_BYTES) - CHUNK_HEAD_BYTES;
    const piece = json.subarray(done, done + room);
    const flags = (done === 0 ? FIRST : 0) + (done + piece.length === json.length ? LAST : 0);
    parts.push(headOf(piece, flags, number, durable), piece);
    done += piece.length;
    position = start + CHUNK_HEAD_BYTES + piece.length;
  }
  return Buffer.concat(parts);
}

function headOf(piece: Buffer, flags: number, number: number, durable: number): Buffer {
  const head = Buffer.alloc(CHUNK_HEAD_BYTES);
  magic.copy(head);
  head.writeUInt16LE(piece.length, 4);
  head.writeUInt16LE(flags, 6);
  head.writeBigUInt64LE(BigInt(number), 8);
  head.writeBigUInt64LE(BigInt(durable), 16);
  head.writeUInt32LE(crc32(piece), 24);
  head.writeUInt32LE(crc32(head.subarray(0, 28)), 28);
  return head;
}

/** The chunk at a place in a block; null: none is there, or not a whole one. */
export function chunkAt(block: Buffer, at: number): Chunk | null {
  if (at + CHUNK_HEAD_BYTES >= block.length) return null;
  const head = block.subarray(at, at + CHUNK_HEAD_BYTES);
  if (head.compare(magic, 0, 4, 0, 4) !== 0 || head.readUInt32LE(28) !== crc32(head.subarray(0, 28)))
    return null;
  const [number, durable] = [Number(head.readBigUInt64LE(8)), Number(head.readBigUInt64LE(16))];
  const end = at + CHUNK_HEAD_BYTES + head.readUInt16LE(4);
  const flags = head.readUInt16LE(6);
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(durable)) return null;
  if (end > block.length || end === at + CHUNK_HEAD_BYTES || flags > (FIRST | LAST)) return null;
  const json = block.subarray(at + CHUNK_HEAD_BYTES, end);
  if (crc32(json) !== head.readUInt32LE(24)) return null;
  return { number, durable, isFirst: (flags & FIRST) !== 0, isLast: (flags & LAST) !== 0, json };
}

/** The whole chunks of a block that begin at `from` or behind, wherever they are, each with its place. */
export function* chunksIn(
  block: Buffer,
  from = 0,
): Generator<{ readonly at: number; readonly chunk: Chunk }> {
  for (let at = block.indexOf(magic, from); at >= 0;) {
    const chunk = chunkAt(block, at);
    if (chunk) yield { at, chunk };
    at = block.indexOf(magic, chunk ? at + CHUNK_HEAD_BYTES + chunk.json.length : at + 1);
  }
}

/** Whether what is left of a block may be the beginning of a chunk that the file's end cut off. */
export function isCutChunk(rest: Buffer): boolean {
  const known = Math.min(rest.length, 4);
  if (rest.compare(magic, 0, known, 0, known) !== 0) return false;
  if (rest.length < CHUNK_HEAD_BYTES) return true;
  const isHead = rest.readUInt32LE(28) === crc32(rest.subarray(0, 28));
  return isHead && rest.readUInt16LE(4) > rest.length - CHUNK_HEAD_BYTES;
}
