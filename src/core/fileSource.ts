/** Rows in a file. Only for hosts with Node's file system. */
import { open } from 'node:fs/promises';
import { QuorateError } from '../errors.js';
import { requireWholeNumber } from './validation.js';
import { readFully } from '../files/files.js';
import type { RowSource } from './source.js';

/** The rows of an open file. Made by `openRows`. */
export interface FileRows extends RowSource {
  /** Closes the file. */
  close(): Promise<void>;
}

/**
 * Opens a file of n × d float32, little-endian, row after row. Every aggregation reads it in tiles.
 *
 * @returns a source of rows, to be closed by the caller
 *
 * @throws QuorateError INVALID_PARAMETER; SOURCE_FAILED if the file can't be opened; BAD_SHAPE if its size isn't n · d · 4
 * @example
 * const updates = await openRows('round-7.f32', { n: 64, d: 10_000_000 });
 * const { value } = await aggregate(updates, median());
 * await updates.close();
 */
export async function openRows(path: string, { n, d }: { n: number; d: number }): Promise<FileRows> {
  requireWholeNumber('n', n, 1, 2 ** 24);
  requireWholeNumber('d', d, 1, Number.MAX_SAFE_INTEGER);
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new QuorateError('SOURCE_FAILED', `can't open ${path}: ${String(error)}`, { path }, error);
  });
  const { size } = await file.stat();
  if (size !== n * d * 4) {
    await file.close();
    throw new QuorateError('BAD_SHAPE', `${path} has ${size} bytes; ${n} × ${d} float32 take ${n * d * 4}`, {
      path,
      got: size,
      expected: n * d * 4,
    });
  }
  return {
    n,
    d,
    read(row, column, into) {
      const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      return readFully(file, bytes, (row * d + column) * 4);
    },
    close: () => file.close(),
  };
}
