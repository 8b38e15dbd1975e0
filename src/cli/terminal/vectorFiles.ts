/** Reads and writes vectors as files: NumPy's .npy and .safetensors. */
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
    throw new QuorateError('NOT_FOUND', `cannot read ${file}`, { file }, error);
  }
}

/** Adds the file's name to an error. */
async function naming<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error;
    throw new QuorateError(error.code, `${file}: ${error.message}`, { ...error.details, file }, error);
  }
}

/** @throws QuorateError UNSUPPORTED_MEDIA_TYPE */
function formatOf(file: string): '.npy' | '.safetensors' {
  const extension = extname(file);
  if (extension === '.npy' || extension === '.safetensors') return extension;
  throw new QuorateError('UNSUPPORTED_MEDIA_TYPE', `${file}: only .npy and .safetensors are supported`, {
    file,
  });
}

export interface FileUpdate {
  /** For humans: the file, and which of its rows or tensors. */
  readonly name: string;
  readonly values: Float32Array;
}

export interface FileUpdates {
  readonly updates: readonly FileUpdate[];
  /** The tensors of each update; a flat update is a single tensor named `model`. */
  readonly tensors: readonly TensorShape[];
}

const flat = (d: number): TensorShape[] => [{ name: 'model', shape: [d] }];

/**
 * Reads updates. A .npy file holds one update [d] or several [n, d]. Of several .safetensors files, each is one update,
 * and all have the same tensors; in a single one, each tensor is an update.
 *
 * @throws QuorateError NOT_FOUND, UNSUPPORTED_MEDIA_TYPE, BAD_SHAPE, MALFORMED, NON_FINITE
 */
export async function readUpdateFiles(files: readonly string[]): Promise<FileUpdates> {
  const updates: FileUpdate[] = [];
  let tensors: readonly TensorShape[] | undefined;
  for (const file of files) {
    const bytes = await readBytes(file);
    if (formatOf(file) === '.npy') {
      const rows = await naming(file, async () => npyRows(await readNpy(bytes)));
      rows.forEach((values, row) => {
        updates.push({ name: rows.length === 1 ? basename(file) : `${basename(file)}[${row}]`, values });
      });
      continue;
    }
    const read = await naming(file, () => readSafetensors(bytes));
    if (files.length === 1) {
      updates.push(...read.tensors.map(({ name, values }) => ({ name, values })));
      continue;
    }
    const layout = read.tensors.map(({ name, shape }) => ({ name, shape }));
    if (tensors !== undefined && JSON.stringify(layout) !== JSON.stringify(tensors)) {
      throw new QuorateError('BAD_SHAPE', `${file}: its tensors differ from those of the other files`, {
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

/** Checks a file's name before doing the work whose result goes there. @throws QuorateError UNSUPPORTED_MEDIA_TYPE */
export const requireWritable = (file: string): void => void formatOf(file);

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
    formatOf(file) === '.npy'
      ? writeNpy({ shape: [values.length], values })
      : writeSafetensors(tensors.map(({ name, shape }) => ({ name, shape, values: take(shape) })));
  try {
    await writeFile(file, bytes);
  } catch (error) {
    throw new QuorateError('STORE_FAILED', `cannot write ${file}`, { file }, error);
  }
}

/** Reads a model in the form that `setModel` takes. @throws QuorateError NOT_FOUND, UNSUPPORTED_MEDIA_TYPE, MALFORMED */
export async function readModelFile(file: string): Promise<Float32Array | Uint8Array> {
  const bytes = await readBytes(file);
  if (formatOf(file) === '.safetensors') return bytes;
  return (await naming(file, () => readNpy(bytes))).values;
}
