/**
 * NumPy's .npy files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) with arrays of floats:
 *
 *   6 bytes       \x93NUMPY
 *   2 bytes       version: 1, 2 or 3, and 0
 *   2 or 4 bytes  length of the header, little-endian (2 in version 1)
 *   the header    a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 *   the rest      the values, row-major
 */
import { QuorateError } from '../errors.js';
import { loadDecoder } from './decoder.js';
import { SegmentStream } from './segments.js';
import { valuesIn } from './tensorShape.js';

/** An array of float32. */
export interface NpyArray {
  /** Extents; none for a single value. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

const MAGIC = '\x93NUMPY';
/** NumPy's own default limit. */
const MAX_HEADER_BYTES = 10_000;

const dtypes: Readonly<Record<string, { kind: 'f32' | 'f16' | 'f64'; bytes: number }>> = {
  f2: { kind: 'f16', bytes: 2 },
  f4: { kind: 'f32', bytes: 4 },
  f8: { kind: 'f64', bytes: 8 },
};

/** '<' little-endian, '=' native, which this library requires to be little-endian; likewise if nothing is written. */
const typeOf = (descr: string): string => descr.replace(/^[<=]/, '');

const malformed = (problem: string, details: Record<string, unknown> = {}) =>
  new QuorateError('MALFORMED', `npy: ${problem}`, details);

interface Header {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  readonly dataOffset: number;
}

/** A name, and text, a flag, or a tuple of integers. Python 2 wrote integers with an L; both kinds of quotes occur. */
const member =
  /\s*(?:'(descr|fortran_order|shape)'|"(descr|fortran_order|shape)")\s*:\s*(?:'([^'\\]*)'|"([^"\\]*)"|(True|False)|\(\s*((?:\d+L?\s*,\s*)*(?:\d+L?\s*)?)\))\s*(,|(?=\}))/y;

function readMembers(text: string): Map<string, string> {
  const members = new Map<string, string>();
  const start = /^[ \t]*\{/.exec(text);
  if (!start) throw malformed('the header does not start with {');
  let position = start[0].length;
  for (;;) {
    if (/\s*\}\s*$/y.test(text.slice(position))) return members;
    member.lastIndex = position;
    const found = member.exec(text);
    if (!found) throw malformed(`the header is malformed at position ${position}`, { position });
    const [, single, double, plain, quoted, flag, tuple] = found;
    const name = single ?? double;
    const value = { descr: plain ?? quoted, fortran_order: flag, shape: tuple }[name!];
    if (value === undefined || members.has(name!))
      throw malformed(`${name} has the wrong type, or occurs twice`);
    members.set(name!, value);
    position = member.lastIndex;
  }
}

/** The extents in a Python tuple without its parentheses: '', '3,', '3, 4'. */
function readShape(tuple: string): number[] {
  const extents = tuple.split(',').map((extent) => extent.trim().replace(/L$/, ''));
  // In Python (3) is a number, and (3,) a tuple.
  if (extents.length === 1 && extents[0] !== '') throw malformed('the shape is not a tuple');
  if (extents.at(-1) === '') extents.pop();
  return extents.map(Number);
}

/** @throws QuorateError MALFORMED */
function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 10 || String.fromCharCode(...bytes.subarray(0, 6)) !== MAGIC) {
    throw malformed('the file does not start with the .npy signature');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = `${view.getUint8(6)}.${view.getUint8(7)}`;
  if (!['1.0', '2.0', '3.0'].includes(version))
    throw malformed(`version ${version} is not supported`, { version });
  const start = version === '1.0' ? 10 : 12;
  if (bytes.length < start) throw malformed('the file ends within its header');
  const length = version === '1.0' ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES || start + length > bytes.length) {
    throw malformed(
      `the header's length, ${length} bytes, exceeds the limit or the file's ${bytes.length} bytes`,
      { length },
    );
  }
  // All accepted names and values are the same in Latin-1 and UTF-8.
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const members = readMembers(text);
  const descr = members.get('descr');
  const order = members.get('fortran_order');
  const tuple = members.get('shape');
  if (descr === undefined || order === undefined || tuple === undefined) {
    throw malformed('the header must have descr, fortran_order and shape');
  }
  return { descr, fortranOrder: order === 'True', shape: readShape(tuple), dataOffset: start + length };
}

/**
 * Reads an array of float16, float32 or float64, which is rounded to float32.
 *
 * @param bytes must not change before the promise settles
 * @returns NaN and infinities among the values, if the array has any, or float64 values beyond float32's range
 * @throws QuorateError MALFORMED; BAD_TYPE for other types, big-endian values, and arrays in Fortran order; BAD_SHAPE
 *   for more than 2⁵³ values
 */
export async function readNpy(bytes: Uint8Array): Promise<NpyArray> {
  const { descr, fortranOrder, shape, dataOffset } = readHeader(bytes);
  if (!Object.hasOwn(dtypes, typeOf(descr))) {
    throw new QuorateError('BAD_TYPE', `the array's type must be one of <f2, <f4, <f8; got '${descr}'`, {
      descr,
    });
  }
  if (fortranOrder && shape.length > 1) {
    throw new QuorateError(
      'BAD_TYPE',
      'the array is in Fortran order; save numpy.ascontiguousarray(array) instead',
    );
  }
  const type = dtypes[typeOf(descr)]!;
  const count = valuesIn(shape, 'array');
  const data = bytes.subarray(dataOffset);
  if (data.length !== count * type.bytes) {
    throw malformed(`${count} values take ${count * type.bytes} bytes; got ${data.length}`, {
      got: data.length,
      expected: count * type.bytes,
    });
  }
  const values = new Float32Array(count);
  if (type.kind === 'f64') values.set(new Float64Array(data.slice().buffer));
  else await decodeInto(values, type.kind, data);
  return { shape, values };
}

async function decodeInto(values: Float32Array, kind: 'f16' | 'f32', data: Uint8Array): Promise<void> {
  const target = new Uint8Array(values.buffer);
  let position = 0;
  const stream = new SegmentStream(
    await loadDecoder(),
    [{ format: { kind }, values: values.length }],
    (decoded) => {
      target.set(decoded, position);
      position += decoded.length;
    },
    true,
  );
  await stream.write(data);
  stream.end();
}

/**
 * The updates in an array of shape [n, d], or the single update in one of shape [d].
 *
 * @returns views of the array's values
 * @throws QuorateError BAD_SHAPE
 * @example
 * const { value } = await aggregate(npyRows(await readNpy(await readFile('updates.npy'))), median());
 */
export function npyRows({ shape, values }: NpyArray): Float32Array[] {
  if (shape.length === 1) return [values];
  if (shape.length !== 2) {
    throw new QuorateError(
      'BAD_SHAPE',
      `updates must have the shape [n, d] or [d]; got [${shape.join(', ')}]`,
      { shape },
    );
  }
  const [n, d] = shape as readonly [number, number];
  if (d === 0) throw new QuorateError('BAD_SHAPE', 'the updates have no entries', { shape });
  return Array.from({ length: n }, (_, i) => values.subarray(i * d, (i + 1) * d));
}

/**
 * Writes a file, version 1.0, of float32.
 *
 * @param array is copied
 * @throws QuorateError BAD_TYPE, BAD_SHAPE
 */
export function writeNpy({ shape, values }: NpyArray): Uint8Array {
  if (!(values instanceof Float32Array)) throw new QuorateError('BAD_TYPE', 'values must be a Float32Array');
  const expected = valuesIn(shape, 'array');
  if (values.length !== expected) {
    throw new QuorateError(
      'BAD_SHAPE',
      `the shape [${shape.join(', ')}] needs ${expected} values; got ${values.length}`,
      {
        got: values.length,
        expected,
      },
    );
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const literal = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The values start at a multiple of 64 bytes, after a newline.
  const dataOffset = Math.ceil((10 + literal.length + 1) / 64) * 64;
  if (dataOffset - 10 > MAX_HEADER_BYTES)
    throw new QuorateError('BAD_SHAPE', 'the array has too many dimensions');
  const file = new Uint8Array(dataOffset + values.byteLength);
  const start = `${MAGIC}\x01\x00__${literal.padEnd(dataOffset - 11)}\n`;
  file.set(Uint8Array.from(start, (character) => character.charCodeAt(0)));
  new DataView(file.buffer).setUint16(8, dataOffset - 10, true);
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), dataOffset);
  return file;
}
