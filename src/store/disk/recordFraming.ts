/**
 * Records one after the other, as the journal and the event log have them:
 *
 *   u32   bytes of JSON, little-endian, as all numbers here
 *   u32   CRC-32 of the JSON
 *   u32   CRC-32 of the 8 bytes before
 *   JSON  in UTF-8
 *
 * The head has a checksum of its own, so that a record that was torn (its head says that more should follow) and one
 * that was changed can be distinguished.
 */
import { crc32 } from 'node:zlib';

export const RECORD_HEAD_BYTES = 12;

export function encodeRecord(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  head.writeUInt32LE(json.length, 0);
  head.writeUInt32LE(crc32(json), 4);
  head.writeUInt32LE(crc32(head.subarray(0, 8)), 8);
  return Buffer.concat([head, json]);
}

export interface DecodedRecords {
  readonly values: readonly unknown[];
  /** Where what could be read ends. */
  readonly end: number;
  /**
   * What follows: nothing; a beginning of a record, as a crash leaves it; or something that no crash leaves, and
   * whether there is a good record behind it.
   */
  readonly rest: 'nothing' | 'torn' | 'damaged' | 'damaged-inside';
}

export function decodeRecords(bytes: Buffer): DecodedRecords {
  const values: unknown[] = [];
  let end = 0;
  while (end < bytes.length) {
    const record = recordAt(bytes, end);
    if (!record) return { values, end, rest: restOf(bytes, end) };
    values.push(record.value);
    end = record.end;
  }
  return { values, end, rest: 'nothing' };
}

function restOf(bytes: Buffer, end: number): DecodedRecords['rest'] {
  const left = bytes.length - end;
  if (left < RECORD_HEAD_BYTES) return 'torn';
  if (hasHead(bytes, end) && bytes.readUInt32LE(end) > left - RECORD_HEAD_BYTES) return 'torn';
  for (let at = end + 1; at < bytes.length; at++) if (recordAt(bytes, at)) return 'damaged-inside';
  return 'damaged';
}

function hasHead(bytes: Buffer, at: number): boolean {
  return (
    at + RECORD_HEAD_BYTES <= bytes.length && bytes.readUInt32LE(at + 8) === crc32(bytes.subarray(at, at + 8))
  );
}

function recordAt(bytes: Buffer, at: number): { value: unknown; end: number } | null {
  if (!hasHead(bytes, at)) return null;
  const end = at + RECORD_HEAD_BYTES + bytes.readUInt32LE(at);
  const json = bytes.subarray(at + RECORD_HEAD_BYTES, end);
  if (end > bytes.length || crc32(json) !== bytes.readUInt32LE(at + 4)) return null;
  const value = parsePayload(json);
  return value === undefined ? null : { value, end };
}

/** Undefined where it is none: a checksum is easily made by hand. */
export function parsePayload(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch {
    return undefined;
  }
}
