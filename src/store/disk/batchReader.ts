/**
 * Reads a file of batches, in pieces: of a file of any size only a piece and the batch at hand are in memory. What can't
 * be read is judged by what follows it, as batchFraming.ts says.
 */
import type { FileHandle } from 'node:fs/promises';
import { readFully } from '../../files/files.js';
import { BLOCK_BYTES, chunkAt, chunksIn, chunkStart, CHUNK_HEAD_BYTES, isCutChunk } from './batchFraming.js';
import { parsePayload } from './recordFraming.js';

/** A batch that was read whole. */
export interface Batch {
  readonly number: number;
  /** Where it begins, and where it ends. */
  readonly start: number;
  readonly end: number;
  readonly records: readonly unknown[];
}

/** What follows the last batch that can be read. */
export interface Tail {
  /** Where it begins: what is before can be read. */
  readonly start: number;
  /**
   * `torn`: the beginning of a batch. `hole`: the rest of one batch, or zeros, with something missing. `acknowledged`:
   * a later batch follows, so that what is missing was durable. `foreign`: what no crash leaves.
   */
  readonly kind: 'torn' | 'hole' | 'acknowledged' | 'foreign';
  /** Behind the last byte that isn't zero. */
  readonly end: number;
  /** Where that is which shows the kind. */
  readonly shownAt: number;
}

/** How many bytes are read at once. */
export const PIECE_BYTES = 2 ** 20;

/** Blocks of a file, each whole but the last. */
export class BlockReader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #pieceBytes: number;
  readonly #window: Buffer;
  #start = 0;
  #filled = 0;

  constructor(file: FileHandle, size: number, pieceBytes = PIECE_BYTES) {
    this.#file = file;
    this.size = size;
    this.#pieceBytes = pieceBytes;
    this.#window = Buffer.alloc(Math.max(BLOCK_BYTES, pieceBytes - (pieceBytes % BLOCK_BYTES)));
  }

  /** The block with this byte; a view that the next call may overwrite. @throws Error of the system */
  async block(position: number): Promise<Buffer> {
    const start = position - (position % BLOCK_BYTES);
    if (start < this.#start || start >= this.#start + this.#filled) await this.#fill(start);
    const from = start - this.#start;
    return this.#window.subarray(from, Math.min(from + BLOCK_BYTES, this.#filled));
  }

  async #fill(start: number): Promise<void> {
    const length = Math.min(this.#window.length, this.size - start);
    this.#filled = 0;
    for (let done = 0; done < length; done += this.#pieceBytes) {
      const to = Math.min(length, done + this.#pieceBytes);
      await readFully(this.#file, this.#window.subarray(done, to), start + done);
    }
    [this.#start, this.#filled] = [start, length];
  }
}

/** The batch at `start`, which follows number `previous`; null: none can be read there. */
export async function readBatch(blocks: BlockReader, start: number, previous: number): Promise<Batch | null> {
  const pieces: Buffer[] = [];
  let number: number | null = null;
  for (let position = start; ;) {
    const at = chunkStart(position);
    if (at >= blocks.size) return null;
    const block = await blocks.block(at);
    const chunk = chunkAt(block, at % BLOCK_BYTES);
    if (chunk?.durable !== start || chunk.isFirst !== (number === null)) return null;
    if (number === null ? chunk.number <= previous : chunk.number !== number) return null;
    number = chunk.number;
    pieces.push(Buffer.from(chunk.json));
    position = at + CHUNK_HEAD_BYTES + chunk.json.length;
    if (!chunk.isLast) continue;
    const records = parsePayload(Buffer.concat(pieces));
    return Array.isArray(records) ? { number, start, end: position, records } : null;
  }
}

/** Judges what is behind the last batch that can be read; null: nothing is. */
export async function readTail(blocks: BlockReader, start: number): Promise<Tail | null> {
  if (start >= blocks.size) return null;
  let end = start;
  let isWhole = true; // so far chunk follows chunk
  let next = start;
  let number: number | null = null;
  let isEnded = false;
  for (let position = start; position < blocks.size; position += BLOCK_BYTES - (position % BLOCK_BYTES)) {
    const block = await blocks.block(position);
    const [base, from] = [position - (position % BLOCK_BYTES), position % BLOCK_BYTES];
    const filled = lastFilled(block);
    if (filled < from) continue;
    end = base + filled + 1;
    for (const { at, chunk } of chunksIn(block, from)) {
      if (chunk.durable > start) return { start, kind: 'acknowledged', end, shownAt: base + at };
      if (chunk.durable < start) return { start, kind: 'foreign', end, shownAt: base + at };
      const isNext = chunkStart(next) === base + at && chunk.isFirst === (number === null);
      if (!isNext || chunk.number !== (number ?? chunk.number)) isWhole = false;
      number = chunk.number;
      isEnded ||= chunk.isLast;
      next = base + at + CHUNK_HEAD_BYTES + chunk.json.length;
    }
  }
  // Whole, and yet it could not be read: its number was there before, or it is no list of records.
  if (isWhole && isEnded) return { start, kind: 'foreign', end, shownAt: start };
  const rest = chunkStart(next);
  const isCut = rest >= blocks.size || isCutChunk((await blocks.block(rest)).subarray(rest % BLOCK_BYTES));
  const isTorn = isWhole && isCut && blocks.size - rest < BLOCK_BYTES;
  return { start, kind: isTorn ? 'torn' : 'hole', end, shownAt: start };
}

const zeros = Buffer.alloc(BLOCK_BYTES);

function lastFilled(block: Buffer): number {
  if (block.equals(zeros)) return -1;
  let at = block.length - 1;
  while (at >= 0 && block[at] === 0) at--;
  return at;
}
