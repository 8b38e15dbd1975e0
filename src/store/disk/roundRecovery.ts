/**
 * What a round's file holds, proved: each row is read and compared with the SHA-256 of its record, or its CRC-32 where
 * no SHA-256 was taken. What does not prove whole is not there.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { corruptFile, readFully } from '../../files/files.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import { type Layout, readHeader, readSlotRecord, rowPosition, slotsIn } from './roundFile.js';

const pieceBytes = 2 ** 18;

export interface RecoveredUpdate {
  readonly update: AcceptedUpdate;
  readonly slot: number;
  readonly rowCrc: number;
  readonly sequence: number;
}

/** What the records say; the rows are not looked at. */
export interface RoundFileRecords {
  /** By node. */
  readonly updates: Map<string, RecoveredUpdate>;
  readonly seal: { readonly nodes: readonly string[]; readonly slot: number } | null;
  /** Slots that hold nothing, to be filled. */
  readonly empty: number[];
  readonly damaged: readonly number[];
  /** The number of slots that were begun; and what the next record counts. */
  readonly slots: number;
  readonly nextSequence: number;
}

export async function readRecords(file: FileHandle, layout: Layout, size: number): Promise<RoundFileRecords> {
  const updates = new Map<string, RecoveredUpdate>();
  let seal: RoundFileRecords['seal'] = null;
  const empty: number[] = [];
  const damaged: number[] = [];
  const slots = slotsIn(layout, size);
  let nextSequence = 0;
  for (let slot = 0; slot < slots; slot++) {
    const record = await readSlotRecord(file, layout, slot, size);
    switch (record.kind) {
      case 'empty':
        empty.push(slot);
        break;
      case 'damaged':
        damaged.push(slot);
        break;
      case 'seal':
        seal = { nodes: record.nodes, slot };
        nextSequence = Math.max(nextSequence, record.sequence + 1);
        slot = slotsIn(layout, record.end) - 1; // a long one lies where other slots would be
        break;
      case 'update': {
        const { update, sequence, rowCrc } = record;
        const isNewer = sequence > (updates.get(update.node)?.sequence ?? -1);
        if (isNewer) updates.set(update.node, { update, slot, rowCrc, sequence });
        nextSequence = Math.max(nextSequence, sequence + 1);
      }
    }
  }
  return { updates, seal, empty, damaged, slots, nextSequence };
}

/** Of a committed round. @throws QuorateError CORRUPT_FILE */
export async function readSealed(file: FileHandle, path: string) {
  const { size } = await file.stat();
  const found = await readHeader(file, size);
  if (!found) throw corruptFile(path, 'its header is damaged', 0);
  const { updates, seal } = await readRecords(file, found.layout, size);
  if (!seal) throw corruptFile(path, 'it has no seal');
  return { layout: found.layout, updates, nodes: seal.nodes };
}

export async function isWholeRow(
  file: FileHandle,
  layout: Layout,
  stored: RecoveredUpdate,
): Promise<boolean> {
  const { digest } = stored.update;
  const hash = createHash('sha256');
  let crc = 0;
  for await (const piece of readRow(file, layout, stored.slot, new Uint8Array(pieceBytes))) {
    if (digest === null) crc = crc32(piece, crc);
    else hash.update(piece);
  }
  return digest === null ? crc === stored.rowCrc : hash.digest('hex') === digest;
}

/** A row's bytes. @param into used for each piece anew; without it each has its own */
export async function* readRow(
  file: FileHandle,
  layout: Layout,
  slot: number,
  into?: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const length = layout.d * 4;
  for (let from = 0; from < length; from += pieceBytes) {
    const count = Math.min(pieceBytes, length - from);
    const piece = (into ?? Buffer.allocUnsafeSlow(count)).subarray(0, count);
    await readFully(file, piece, rowPosition(layout, slot) + from);
    yield piece;
  }
}
