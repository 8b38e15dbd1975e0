/**
 * Vectors as bytes, for the network and for files, all little-endian:
 *
 *   f32    4 bytes a value, exact
 *   f16    2 bytes, IEEE binary16: 11 bits of precision, up to ±65504
 *   bf16   2 bytes, bfloat16: 8 bits of precision, the range of float32
 *   int8   1 byte, a whole number times a common scale: errors up to scale / 2 = the largest magnitude / 254
 *
 * Rounding is to the nearest, ties to even, and the same on every host. The work is done in tiles of columns, in 128 KiB
 * of the engine's memory, however long the vector is.
 */
import { type CoreExports, SEGMENT_COLUMNS } from '../../bindings/abi.js';
import { QuorateError } from '../errors.js';
import { defaultEngine, type Engine } from './engine.js';
import { Allocation } from './memory.js';
import { refuseNonFinite, refuseUnknown, requireVector } from './validation.js';

/** The names of all encodings. */
export const encodings = ['f32', 'f16', 'bf16', 'int8'] as const;
/**
 * How values are stored: `f32` exactly, in 4 bytes; `f16` (IEEE binary16) and `bf16` (bfloat16) in 2; `int8` in 1, as an
 * integer times a common scale.
 */
export type Encoding = (typeof encodings)[number];

const bytesPerValue: Readonly<Record<Encoding, number>> = { f32: 4, f16: 2, bf16: 2, int8: 1 };

/** d values as little-endian bytes. */
export type Encoded = {
  /** Number of values. */
  readonly d: number;
  readonly bytes: Uint8Array;
} & (
  | { readonly encoding: 'f32' | 'f16' | 'bf16' }
  /** value = byte · scale */
  | { readonly encoding: 'int8'; readonly scale: number }
);

/** Options of `encode` and `decode`. */
export interface CodecOptions {
  /** The engine to run on. Default: one that all calls without an engine share. */
  readonly engine?: Engine;
}

/** The least normal float32. Smaller scales would lose precision, and have no finite inverse. */
const MIN_SCALE = 2 ** -126;
/** The largest scale whose 127-fold is finite. A 127th of the largest float32 rounds up to the next one. */
const MAX_SCALE = Math.fround((2 ** 128 - 2 ** 104) / 127) - 2 ** 98;

/** Converts `count` values from `source` to `target`. False if one of the results is not finite. */
type Convert = (source: number, target: number, count: number) => boolean;

const copied =
  (core: CoreExports): Convert =>
  (source, target, count) =>
    Number.isFinite(core.copyChecked(source, target, count));

function encoder(core: CoreExports, encoding: Encoding, scale: number): Convert {
  switch (encoding) {
    case 'f32':
      return copied(core);
    case 'f16':
      return (source, target, count) => core.encodeFloat16(source, target, count) === 0;
    case 'bf16':
      return (source, target, count) => core.encodeBfloat16(source, target, count) === 0;
    case 'int8':
      return (source, target, count) => {
        core.encodeInt8(source, target, count, 1 / scale);
        return true; // the scale was chosen to fit
      };
  }
}

function decoder(core: CoreExports, encoded: Encoded): Convert {
  switch (encoded.encoding) {
    case 'f32':
      return copied(core);
    case 'f16':
      return (source, target, count) => core.decodeFloat16(source, target, count) === 0;
    case 'bf16':
      return (source, target, count) => core.decodeBfloat16(source, target, count) === 0;
    case 'int8':
      return (source, target, count) => core.decodeInt8(source, target, count, encoded.scale) === 0;
  }
}

function requireEncoding(value: unknown): asserts value is Encoding {
  if (encodings.some((encoding) => encoding === value)) return;
  throw new QuorateError(
    'INVALID_PARAMETER',
    `encoding must be one of ${encodings.join(', ')}; got '${String(value)}'`,
    {
      parameter: 'encoding',
      value,
      known: encodings,
    },
  );
}

/**
 * Encodes a vector as bytes.
 *
 * @param values d float32; not written to, and must not change before the promise settles
 * @returns a new array of bytes; for int8 also the scale
 * @throws QuorateError BAD_TYPE, EMPTY_INPUT, INVALID_PARAMETER, UNKNOWN_PARAMETER, NON_FINITE, and
 *   NON_FINITE_RESULT if a finite value is too large for f16 or bf16
 * @example
 * const { bytes, scale } = await encode(update, 'int8');
 */
export async function encode(
  values: Float32Array,
  encoding: Encoding,
  options: CodecOptions = {},
): Promise<Encoded> {
  requireVector(values, 'values');
  requireEncoding(encoding);
  refuseUnknown('encode', options, ['engine']);
  const d = values.length;
  const size = bytesPerValue[encoding];
  const { engine = defaultEngine() } = options;

  return engine.exclusive(({ core, arena }) => {
    const allocation = new Allocation(arena);
    try {
      const tileColumns = Math.min(d, SEGMENT_COLUMNS);
      const source = allocation.take(tileColumns * 4);
      const target = allocation.take(tileColumns * size);
      const eachTile = (visit: (column: number, count: number) => void) => {
        for (let column = 0; column < d; column += tileColumns) {
          const count = Math.min(tileColumns, d - column);
          arena.f32(source, count).set(values.subarray(column, column + count));
          visit(column, count);
        }
      };

      let largest = 0;
      if (encoding === 'int8') {
        eachTile((_, count) => {
          const magnitude = core.largestMagnitude(source, count);
          if (!Number.isFinite(magnitude)) refuseNonFinite(values, 'values');
          largest = Math.max(largest, magnitude);
        });
      }
      const scale = Math.min(Math.max(MIN_SCALE, Math.fround(largest / 127)), MAX_SCALE);

      const bytes = new Uint8Array(d * size);
      const convert = encoder(core, encoding, scale);
      eachTile((column, count) => {
        if (!convert(source, target, count)) refuseToEncode(values, encoding);
        bytes.set(arena.u8(target, count * size), column * size);
      });
      return encoding === 'int8' ? { encoding, d, bytes, scale } : { encoding, d, bytes };
    } finally {
      allocation.releaseAll();
    }
  });
}

/** @throws QuorateError always */
function refuseToEncode(values: Float32Array, encoding: Encoding): never {
  refuseNonFinite(values, 'values');
  throw new QuorateError('NON_FINITE_RESULT', `a value is too large for ${encoding}`, { encoding });
}

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT, BAD_SHAPE, INVALID_PARAMETER */
function requireEncoded(encoded: Encoded): void {
  if (encoded === null || typeof encoded !== 'object') {
    throw new QuorateError('BAD_TYPE', 'the argument of decode must be an object with encoding, d and bytes');
  }
  const { d, bytes, encoding } = encoded;
  requireEncoding(encoding);
  if (!(bytes instanceof Uint8Array)) throw new QuorateError('BAD_TYPE', 'bytes must be a Uint8Array');
  if (!Number.isSafeInteger(d) || d < 0) {
    throw new QuorateError('INVALID_PARAMETER', `d must be an integer of at least 0; got ${String(d)}`, {
      parameter: 'd',
      value: d,
    });
  }
  const expected = d * bytesPerValue[encoding];
  if (bytes.length !== expected) {
    throw new QuorateError(
      'BAD_SHAPE',
      `${d} values as ${encoding} need ${expected} bytes; got ${bytes.length}`,
      {
        d,
        encoding,
        got: bytes.length,
        expected,
      },
    );
  }
  if (d === 0) throw new QuorateError('EMPTY_INPUT', 'd is 0: there is nothing to decode');
  const scale: unknown = 'scale' in encoded ? encoded.scale : undefined;
  const scaleIsRight =
    encoding === 'int8'
      ? typeof scale === 'number' && Number.isFinite(Math.fround(scale)) && scale >= 0
      : scale === undefined;
  if (!scaleIsRight) {
    const needs = encoding === 'int8' ? 'a finite scale of 0 or more' : 'no scale';
    throw new QuorateError('INVALID_PARAMETER', `${encoding} takes ${needs}; got ${String(scale)}`, {
      parameter: 'scale',
      value: scale,
    });
  }
}

/**
 * Decodes bytes into a vector.
 *
 * @param encoded its bytes are not written to, and must not change before the promise settles
 * @returns a new array of d float32
 * @throws QuorateError BAD_TYPE, BAD_SHAPE, EMPTY_INPUT, INVALID_PARAMETER, UNKNOWN_PARAMETER, NON_FINITE
 * @example
 * const update = await decode({ encoding: 'f16', d: 1000, bytes });
 */
export async function decode(
  encoded: Encoded,
  options: CodecOptions = {},
): Promise<Float32Array<ArrayBuffer>> {
  requireEncoded(encoded);
  refuseUnknown('decode', options, ['engine']);
  const { d, bytes, encoding } = encoded;
  const size = bytesPerValue[encoding];
  const { engine = defaultEngine() } = options;

  return engine.exclusive(({ core, arena }) => {
    const allocation = new Allocation(arena);
    try {
      const tileColumns = Math.min(d, SEGMENT_COLUMNS);
      const source = allocation.take(tileColumns * size);
      const target = allocation.take(tileColumns * 4);
      const values = new Float32Array(d);
      const convert = decoder(core, encoded);
      for (let column = 0; column < d; column += tileColumns) {
        const count = Math.min(tileColumns, d - column);
        arena.u8(source, count * size).set(bytes.subarray(column * size, (column + count) * size));
        const finite = convert(source, target, count);
        values.set(arena.f32(target, count), column);
        if (!finite) refuseNonFinite(values, 'values');
      }
      return values;
    } finally {
      allocation.releaseAll();
    }
  });
}
