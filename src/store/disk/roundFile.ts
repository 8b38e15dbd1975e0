/**
 * A round's file: the matrix that aggregation reads, and what proves each row of it. Little-endian; `base` is a multiple
 * of 4096, rows begin at multiples of 64.
 *
 *   0                  head of the header │ JSON of RoundHeader
 *   base − 8192        two pages for the newest TimeMark, written in turns: a torn one leaves the other
 *   base + k · stride  slot k:  d float32 │ to a multiple of 64 │ record area, 16 KiB
 *
 * A record, like the header, is a head of 28 bytes and JSON:
 *
 *   magic (4) │ bytes of JSON │ sequence (8) │ CRC-32 of the row │ CRC-32 of the JSON │ CRC-32 of the 24 bytes before
 *
 * Where the JSON has the row's SHA-256, its CRC-32 may be 0.
 *
 * The JSON of an update is AcceptedUpdate. A seal lists nodes; it is the record of a slot that has no row, behind all
 * others, so it may be of any length. An area that was never written is zero: the slot is empty. Nothing that a node
 * sends lies where records are looked for.
 *
 * Holes cost no room: of a record area one page is written.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { readFully } from '../../files/files.js';
import { QuorateError } from '../../errors.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import { acceptedUpdateSchema } from './checkpointMetadata.js';
import { parsePayload } from './recordFraming.js';
import type { RoundHeader, TimeMark } from '../store.js';

const HEAD_BYTES = 28;
const RECORD_AREA_BYTES = 2 ** 14;
const ROW_ALIGNMENT = 64;
const PAGE_BYTES = 4096;

/** The longest JSON of a header that is believed: a hundred thousand nodes asked, and more. */
const MAX_HEADER_BYTES = 2 ** 26;

const magics = { header: 0x32445251, update: 0x32505551, seal: 0x324c5351, time: 0x324d5451 } as const; // QRD2, QUP2, QSL2, QTM2
type Magic = keyof typeof magics;

const roundName = /^(\d{9,})-(\d{4,})\.round$/;

export const roundFileName = ({ round, attempt }: Pick<RoundHeader, 'round' | 'attempt'>): string =>
  `${String(round).padStart(9, '0')}-${String(attempt).padStart(4, '0')}.round`;

/** The round and the attempt that a file's name says; null: it is no round's. */
export function parseRoundName(name: string): Pick<RoundHeader, 'round' | 'attempt'> | null {
  const parts = roundName.exec(name);
  return parts && { round: Number(parts[1]), attempt: Number(parts[2]) };
}

const roundUp = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

/** Where things are in the file. */
export interface Layout {
  readonly d: number;
  readonly base: number;
  readonly stride: number;
  /** From the row's beginning to the record's. */
  readonly recordOffset: number;
}

function layoutOf(d: number, headerBytes: number): Layout {
  const recordOffset = roundUp(d * 4, ROW_ALIGNMENT);
  return {
    d,
    base: roundUp(headerBytes, PAGE_BYTES) + 2 * PAGE_BYTES,
    stride: recordOffset + RECORD_AREA_BYTES,
    recordOffset,
  };
}

export const rowPosition = ({ base, stride }: Layout, slot: number): number => base + slot * stride;
export const recordPosition = (layout: Layout, slot: number): number =>
  rowPosition(layout, slot) + layout.recordOffset;

/** How many slots a file of this size has begun. */
export const slotsIn = ({ base, stride }: Layout, sizeBytes: number): number =>
  Math.max(0, Math.ceil((sizeBytes - base) / stride));

function encode(magic: Magic, value: unknown, sequence: number, rowCrc: number): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(magics[magic], 0);
  head.writeUInt32LE(json.length, 4);
  head.writeBigUInt64LE(BigInt(sequence), 8);
  head.writeUInt32LE(rowCrc, 16);
  head.writeUInt32LE(crc32(json), 20);
  head.writeUInt32LE(crc32(head.subarray(0, 24)), 24);
  return Buffer.concat([head, json]);
}

export function encodeHeader(header: RoundHeader): { bytes: Buffer; layout: Layout } {
  const bytes = encode('header', header, 0, 0);
  return { bytes, layout: layoutOf(header.d, bytes.length) };
}

/**
 * @param sequence counts the records of a file: of two updates of one node the later counts
 * @throws QuorateError PAYLOAD_TOO_LARGE
 */
export function encodeUpdate(update: AcceptedUpdate, sequence: number, rowCrc: number): Buffer {
  const bytes = encode('update', update, sequence, rowCrc);
  if (bytes.length <= RECORD_AREA_BYTES) return bytes;
  const most = RECORD_AREA_BYTES - HEAD_BYTES;
  throw new QuorateError(
    'PAYLOAD_TOO_LARGE',
    `what is said of an update of node '${update.node}' takes ${bytes.length - HEAD_BYTES} bytes; ${most} are taken`,
    { got: bytes.length - HEAD_BYTES, most },
  );
}

export const encodeSeal = (nodes: readonly string[], sequence: number): Buffer =>
  encode('seal', { nodes }, sequence, 0);

/** Where the mark with this sequence number lies. */
export const timePosition = ({ base }: Layout, sequence: number): number =>
  base - (2 - (sequence % 2)) * PAGE_BYTES;

export const encodeTime = (mark: TimeMark, sequence: number): Buffer => encode('time', mark, sequence, 0);

/** Written over a record's head, it makes the slot an empty one. */
export const emptyHead: Uint8Array = new Uint8Array(HEAD_BYTES);

/** Checksums reveal damage; these reveal a file that was made by hand. */
const headerSchema: z.ZodType<RoundHeader> = z.strictObject({
  round: z.int().min(1),
  attempt: z.int().min(1),
  d: z.int().min(1),
  asked: z.array(z.string()).nullable(),
  openedAtMs: z.number(),
  durationMs: z.number().min(0),
});
const timeSchema: z.ZodType<TimeMark> = z.strictObject({ elapsedMs: z.number().min(0), wallMs: z.number() });
const sealSchema = z.strictObject({ nodes: z.array(z.string()) });

interface Block {
  readonly magic: Magic;
  readonly sequence: number;
  readonly rowCrc: number;
  readonly value: unknown;
  readonly bytes: number;
}

/** Null: nothing was ever written there. Undefined: not what was written. */
async function readBlock(
  file: FileHandle,
  position: number,
  size: number,
): Promise<Block | null | undefined> {
  if (position >= size) return null;
  const head = Buffer.alloc(Math.min(HEAD_BYTES, size - position));
  await readFully(file, head, position);
  if (head.every((byte) => byte === 0)) return null;
  if (head.length < HEAD_BYTES || head.readUInt32LE(24) !== crc32(head.subarray(0, 24))) return undefined;
  const magic = (Object.keys(magics) as Magic[]).find((name) => magics[name] === head.readUInt32LE(0));
  const length = head.readUInt32LE(4);
  if (!magic || length > Math.min(MAX_HEADER_BYTES, size - position - HEAD_BYTES)) return undefined;
  const json = Buffer.alloc(length);
  await readFully(file, json, position + HEAD_BYTES);
  if (crc32(json) !== head.readUInt32LE(20)) return undefined;
  const value = parsePayload(json);
  const sequence = Number(head.readBigUInt64LE(8));
  if (value === undefined || !Number.isSafeInteger(sequence)) return undefined;
  return {
    magic,
    sequence,
    rowCrc: head.readUInt32LE(16),
    value,
    bytes: HEAD_BYTES + length,
  };
}

/** @returns undefined for a file whose header is not whole */
export async function readHeader(
  file: FileHandle,
  size: number,
): Promise<{ header: RoundHeader; layout: Layout } | undefined> {
  const block = await readBlock(file, 0, size);
  if (block?.magic !== 'header') return undefined;
  const { data: header } = headerSchema.safeParse(block.value);
  return header && { header, layout: layoutOf(header.d, block.bytes) };
}

/** The newest time that is whole; the header's where none is. */
export async function readTime(
  file: FileHandle,
  { header, layout }: { readonly header: RoundHeader; readonly layout: Layout },
  size: number,
): Promise<{ readonly mark: TimeMark; readonly sequence: number }> {
  let newest = { mark: { elapsedMs: 0, wallMs: header.openedAtMs }, sequence: 0 };
  for (const parity of [0, 1]) {
    const block = await readBlock(file, timePosition(layout, parity), size);
    if (block?.magic !== 'time' || block.sequence < newest.sequence) continue;
    const { data: mark } = timeSchema.safeParse(block.value);
    if (mark) newest = { mark, sequence: block.sequence };
  }
  return newest;
}

export type SlotRecord =
  | { readonly kind: 'empty' }
  | { readonly kind: 'damaged' }
  | {
      readonly kind: 'update';
      readonly update: AcceptedUpdate;
      readonly sequence: number;
      readonly rowCrc: number;
    }
  | {
      readonly kind: 'seal';
      readonly nodes: readonly string[];
      readonly sequence: number;
      /** Where it ends in the file. */
      readonly end: number;
    };

export async function readSlotRecord(
  file: FileHandle,
  layout: Layout,
  slot: number,
  size: number,
): Promise<SlotRecord> {
  const position = recordPosition(layout, slot);
  const block = await readBlock(file, position, size);
  if (block === null) return { kind: 'empty' };
  if (block?.magic === 'update') {
    const { sequence, rowCrc } = block;
    const { data: update } = acceptedUpdateSchema.safeParse(block.value);
    if (update) return { kind: 'update', update, sequence, rowCrc };
  }
  if (block?.magic === 'seal') {
    const { data: seal } = sealSchema.safeParse(block.value);
    if (seal) return { kind: 'seal', ...seal, sequence: block.sequence, end: position + block.bytes };
  }
  return { kind: 'damaged' };
}
