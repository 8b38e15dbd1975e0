/** Vectors from files and into files: NumPy's .npy, and .safetensors. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { QuorateError } from '../../errors.js';
import { npyRows, readNpy, writeNpy } from '../../formats/npy.js';
import { readSafetensors, type Tensor, writeSafetensors } from '../../formats/safetensors.js';
import type { TensorShape } from '../../formats/tensorShape.js';

/** @throws QuorateError NOT_FOUND */
async function readBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return Uint8Array.from(await readFile(file));
  } catch (error) {
    throw new QuorateError('NOT_FOUND', `${file} cannot be read`, { file }, error);
  }
}

/** The same error, naming the file. */
async function of<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error;
    throw new QuorateError(error.code, `${file}: ${error.message}`, { ...error.details, file }, error);
  }
}

/** @throws QuorateError UNSUPPORTED_MEDIA_TYPE */
function requireKnown(file: string): '.npy' | '.safetensors' {
  const extension = extname(file);
  if (extension === '.npy' || extension === '.safetensors') return extension;
  throw new QuorateError(
    'UNSUPPORTED_MEDIA_TYPE',
    `${file}: only .npy and .safetensors are read and written`,
    {
      file,
    },
  );
}

export interface FileUpdate {
  /** For people: the file, and which of its rows or tensors. */
  readonly name: string;
  readonly values: Float32Array;
}

export interface FileUpdates {
  readonly updates: readonly FileUpdate[];
  /** Of an update that is a whole safetensors file; a flat one has a single tensor. */
  readonly tensors: readonly TensorShape[];
}

const flat = (d: number): TensorShape[] => [{ name: 'model', shape: [d] }];

/**
 * A .npy file holds an update [d] or updates [n, d]. Of several .safetensors files each is an update, all with the same
 * tensors; one alone holds an update in each tensor.
 *
 * @throws QuorateError NOT_FOUND, UNSUPPORTED_MEDIA_TYPE, BAD_SHAPE, and what the formats' readers throw
 */
export async function readUpdateFiles(files: readonly string[]): Promise<FileUpdates> {
  const updates: FileUpdate[] = [];
  let tensors: readonly TensorShape[] | undefined;
  for (const file of files) {
    const bytes = await readBytes(file);
    if (requireKnown(file) === '.npy') {
      const rows = await of(file, async () => npyRows(await readNpy(bytes)));
      rows.forEach((values, row) => {
        updates.push({ name: rows.length === 1 ? basename(file) : `${basename(file)}[${row}]`, values });
      });
      continue;
    }
    const read = await of(file, () => readSafetensors(bytes));
    if (files.length === 1) {
      updates.push(...read.tensors.map(({ name, values }) => ({ name, values })));
      continue;
    }
    const layout = read.tensors.map(({ name, shape }) => ({ name, shape }));
    if (tensors !== undefined && JSON.stringify(layout) !== JSON.stringify(tensors)) {
      throw new QuorateError('BAD_SHAPE', `${file}: its tensors are not those of the files before it`, {
        file,
      });
    }
    tensors ??= layout;
    updates.push({ name: basename(file), values: joined(read.tensors) });
  }
  return { updates, tensors: tensors ?? flat(updates[0]?.values.length ?? 0) };
}

function joined(tensors: readonly Tensor[]): Float32Array {
  const values = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.values.length, 0));
  let offset = 0;
  for (const tensor of tensors) {
    values.set(tensor.values, offset);
    offset += tensor.values.length;
  }
  return values;
}

/** Checks the name before the work whose result goes there. @throws QuorateError UNSUPPORTED_MEDIA_TYPE */
export const requireWritable = (file: string): void => void requireKnown(file);

/** @throws QuorateError UNSUPPORTED_MEDIA_TYPE, STORE_FAILED */
export async function writeVector(
  file: string,
  values: Float32Array,
  tensors: readonly TensorShape[],
): Promise<void> {
  let offset = 0;
  const take = (shape: readonly number[]): Float32Array => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    return values.subarray(offset, (offset += length));
  };
  const bytes =
    requireKnown(file) === '.npy'
      ? writeNpy({ shape: [values.length], values })
      : writeSafetensors(tensors.map(({ name, shape }) => ({ name, shape, values: take(shape) })));
  try {
    await writeFile(file, bytes);
  } catch (error) {
    throw new QuorateError('STORE_FAILED', `${file} cannot be written`, { file }, error);
  }
}

/** A model as `setModel` takes it. @throws QuorateError NOT_FOUND, UNSUPPORTED_MEDIA_TYPE, MALFORMED */
export async function readModelFile(file: string): Promise<Float32Array | Uint8Array> {
  const bytes = await readBytes(file);
  if (requireKnown(file) === '.safetensors') return bytes;
  return (await of(file, () => readNpy(bytes))).values;
}
