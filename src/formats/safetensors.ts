/** Whole safetensors files in memory. The layout is described in safetensorsHeader.ts. */
import { QuorateError } from '../errors.js';
import { loadDecoder } from './decoder.js';
import { type Metadata, readSafetensorsHeader, safetensorsHeader } from './safetensorsHeader.js';
import { SegmentStream } from './segments.js';
import { type TensorShape, valuesIn } from './tensorShape.js';

/** A named tensor of float32. */
export interface Tensor extends TensorShape {
  /** Row-major; as many as the shape requires. */
  readonly values: Float32Array;
}

/** The contents of a file. */
export interface Safetensors {
  /** In the order of their data in the file. */
  readonly tensors: readonly Tensor[];
  readonly metadata: Metadata;
}

/**
 * Writes a file of float32 tensors, in this order.
 *
 * @param tensors are copied
 * @throws QuorateError BAD_TYPE, BAD_SHAPE; INVALID_PARAMETER for a duplicate name
 * @example
 * await writeFile('model.safetensors', writeSafetensors([{ name: 'w', shape: [2, 2], values }]));
 */
export function writeSafetensors(tensors: readonly Tensor[], metadata: Metadata = {}): Uint8Array {
  const header = safetensorsHeader(tensors, metadata);
  let size = header.length;
  for (const { name, shape, values } of tensors) {
    if (!(values instanceof Float32Array)) {
      throw new QuorateError('BAD_TYPE', `tensor '${name}' must be a Float32Array`, { tensor: name });
    }
    const expected = valuesIn(shape, name);
    if (values.length !== expected) {
      throw new QuorateError(
        'BAD_SHAPE',
        `tensor '${name}' has ${values.length} values; the shape [${shape.join(', ')}] needs ${expected}`,
        { tensor: name, got: values.length, expected },
      );
    }
    size += values.byteLength;
  }
  const file = new Uint8Array(size);
  file.set(header);
  let offset = header.length;
  for (const { values } of tensors) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  return file;
}

/**
 * Reads a file of F32, F16 and BF16 tensors.
 *
 * @param bytes must not change before the promise settles
 * @returns tensors whose values are consecutive views on one array; NaN and infinities among them, if the file has any
 * @throws QuorateError MALFORMED, BAD_TYPE, BAD_SHAPE
 */
export async function readSafetensors(bytes: Uint8Array): Promise<Safetensors> {
  const header = readSafetensorsHeader(bytes);
  const size = header.dataOffset + header.dataBytes;
  if (bytes.length !== size) {
    throw new QuorateError(
      'MALFORMED',
      `safetensors: the file has ${bytes.length} bytes; its header announces ${size}`,
      {
        got: bytes.length,
        expected: size,
      },
    );
  }
  const all = new Float32Array(header.tensors.reduce((sum, { values }) => sum + values, 0));
  const target = new Uint8Array(all.buffer);
  let position = 0;
  const take = (decoded: Uint8Array): void => {
    target.set(decoded, position);
    position += decoded.length;
  };
  const stream = new SegmentStream(await loadDecoder(), header.tensors, take, true);
  await stream.write(bytes.subarray(header.dataOffset));
  stream.end();

  let first = 0;
  const tensors = header.tensors.map(({ name, shape, values }) => {
    first += values;
    return { name, shape, values: all.subarray(first - values, first) };
  });
  return { tensors, metadata: header.metadata };
}
