/**
 * The header of a safetensors file (https://github.com/huggingface/safetensors#format):
 *
 *   8 bytes       N, little-endian
 *   N bytes       JSON in UTF-8, starting with {: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …};
 *                 "__metadata__" may hold strings by name; spaces may follow
 *   the rest      the tensors' values, little-endian, row-major; offsets count from here
 *
 * Nothing is trusted: each length is checked before anything is allocated for it, and the tensors must fill the data
 * without overlap or gap.
 */
import { QuorateError } from '../errors.js';
import { type TensorShape, valuesIn } from './tensorShape.js';
import type { FlatFormat } from './decoder.js';

/** The bytes before the JSON. */
export const LENGTH_BYTES = 8;

/** The longest JSON that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Strings by name. */
export type Metadata = Readonly<Record<string, string>>;

/** A tensor in a file. */
export interface TensorEntry extends TensorShape {
  readonly format: FlatFormat & { readonly kind: 'f32' | 'f16' | 'bf16' };
  readonly values: number;
  /** Offset of its first byte in the data. */
  readonly start: number;
  /** Offset after its last byte. */
  readonly end: number;
}

/** A parsed header. */
export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly tensors: readonly TensorEntry[];
  readonly metadata: Metadata;
  /** Offset of the data in the file. */
  readonly dataOffset: number;
  /** Length of the data. */
  readonly dataBytes: number;
}

const METADATA = '__metadata__';

const dtypes: Readonly<Record<string, { kind: TensorEntry['format']['kind']; bytes: number }>> = {
  F32: { kind: 'f32', bytes: 4 },
  F16: { kind: 'f16', bytes: 2 },
  BF16: { kind: 'bf16', bytes: 2 },
};

const malformed = (problem: string, details: Record<string, unknown> = {}) =>
  new QuorateError('MALFORMED', `safetensors: ${problem}`, details);

/**
 * Writes the header of a file of float32 tensors, in this order; their values follow it.
 *
 * @returns length and JSON, a multiple of 8 bytes, so that the values are aligned if the file is
 * @throws QuorateError BAD_SHAPE; INVALID_PARAMETER for a duplicate or reserved name, metadata that are not strings, or
 *   a header that is too long
 */
export function safetensorsHeader(tensors: readonly TensorShape[], metadata: Metadata = {}): Uint8Array {
  const entries: [string, unknown][] = [];
  const names = new Set([METADATA]);
  if (!Object.values(metadata).every((value) => typeof value === 'string')) {
    throw new QuorateError('INVALID_PARAMETER', 'metadata must be strings', { parameter: 'metadata' });
  }
  if (Object.keys(metadata).length > 0) entries.push([METADATA, metadata]);
  let start = 0;
  for (const { name, shape } of tensors) {
    if (names.has(name)) {
      throw new QuorateError('INVALID_PARAMETER', `the tensor name '${name}' is a duplicate or reserved`, {
        tensor: name,
      });
    }
    names.add(name);
    const end = start + valuesIn(shape, name) * 4;
    entries.push([name, { dtype: 'F32', shape, data_offsets: [start, end] }]);
    start = end;
  }
  const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new QuorateError('INVALID_PARAMETER', `the header would take ${length} bytes`, { length });
  }
  const header = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, LENGTH_BYTES);
  return header;
}

/**
 * Reads the length of the JSON from the file's first 8 bytes.
 *
 * @param maxBytes the longest header accepted
 * @throws QuorateError MALFORMED
 */
export function headerLength(bytes: Uint8Array, maxBytes = MAX_HEADER_BYTES): number {
  if (bytes.length < LENGTH_BYTES) throw malformed('the file ends before its header');
  const length = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length < 2n || length > BigInt(maxBytes)) {
    throw malformed(`the header must have 2 to ${maxBytes} bytes; got ${String(length)}`, { maxBytes });
  }
  return Number(length);
}

/**
 * Reads a header. The data after it is ignored and may be missing.
 *
 * @throws QuorateError MALFORMED; BAD_TYPE for a tensor that is not F32, F16 or BF16; BAD_SHAPE
 */
export function readSafetensorsHeader(bytes: Uint8Array): SafetensorsHeader {
  const length = headerLength(bytes);
  const dataOffset = LENGTH_BYTES + length;
  if (bytes.length < dataOffset) {
    throw malformed(`the file ends at byte ${bytes.length}, within its header of ${dataOffset}`);
  }
  const json = parseJson(bytes.subarray(LENGTH_BYTES, dataOffset));
  const tensors: TensorEntry[] = [];
  let metadata: Metadata = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) metadata = readMetadata(value);
    else tensors.push(readEntry(name, value));
  }
  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  return { tensors, metadata, dataOffset, dataBytes: checkOffsets(tensors) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw malformed('the header does not start with {');
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw new QuorateError('MALFORMED', 'safetensors: the header is not JSON in UTF-8', {}, error);
  }
  if (!isObject(json)) throw malformed('the header is not a JSON object');
  // JSON.parse keeps the last of several members with the same name. Of the rest, none is deeper than two levels.
  const kept = Object.values(json).reduce<number>(
    (sum, value) => sum + (isObject(value) ? Object.keys(value).length : 0),
    Object.keys(json).length,
  );
  if (countMembers(bytes) !== kept) throw malformed('the header has duplicate names, or nested objects');
  return json;
}

/** The number of members in all objects of a valid JSON text: the colons outside strings. */
function countMembers(bytes: Uint8Array): number {
  let count = 0;
  let isInString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) isInString = !isInString;
    else if (byte === 0x5c) at++;
    else if (byte === 0x3a && !isInString) count++;
  }
  return count;
}

function readMetadata(value: unknown): Metadata {
  if (isObject(value) && Object.values(value).every((entry) => typeof entry === 'string')) {
    return value as Metadata;
  }
  throw malformed(`${METADATA} must hold strings`);
}

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function readEntry(name: string, entry: unknown): TensorEntry {
  const refuse = (problem: string) => malformed(`tensor '${name}': ${problem}`, { tensor: name });
  if (!isObject(entry) || Object.keys(entry).length !== 3) {
    throw refuse('must have exactly dtype, shape and data_offsets');
  }
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string') throw refuse('dtype must be a string');
  if (!Array.isArray(shape) || !shape.every(isOffset)) throw refuse('shape must be non-negative integers');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isOffset)) {
    throw refuse('data_offsets must be two non-negative integers');
  }
  if (!Object.hasOwn(dtypes, dtype)) {
    throw new QuorateError(
      'BAD_TYPE',
      `tensor '${name}' is ${dtype.slice(0, 40)}; only ${Object.keys(dtypes).join(', ')} are supported`,
      { tensor: name, dtype: dtype.slice(0, 40) },
    );
  }
  const { kind, bytes } = dtypes[dtype]!;
  const [start, end] = offsets as [number, number];
  const values = valuesIn(shape, name);
  if (end - start !== values * bytes) {
    throw refuse(
      `${values} values as ${dtype} take ${values * bytes} bytes; data_offsets cover ${end - start}`,
    );
  }
  return { name, shape, format: { kind }, values, start, end };
}

/** Checks that the tensors fill the data. @returns the length of the data */
function checkOffsets(tensors: readonly TensorEntry[]): number {
  let end = 0;
  for (const tensor of tensors) {
    if (tensor.start !== end) {
      const problem =
        tensor.start < end
          ? 'overlaps the previous tensor'
          : 'does not follow the previous tensor immediately';
      throw malformed(`tensor '${tensor.name}' ${problem}`, { tensor: tensor.name });
    }
    end = tensor.end;
  }
  return end;
}
