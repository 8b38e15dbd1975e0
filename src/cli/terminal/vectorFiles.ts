/** Reads and writes vectors as files: NumPy's .npy and .safetensors. */
import { open, writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { QuorateError } from '../../errors.js';
import { npyRows, readNpy, writeNpy } from '../../formats/npy.js';
import { readSafetensors, type Tensor, writeSafetensors } from '../../formats/safetensors.js';
import { matchTensors, type TensorShape } from '../../formats/tensorShape.js';

/** Node reads at most 2 GiB at a time. */
const PIECE_BYTES = 2 ** 30;

/** What the system's codes mean for people. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
};

/** Reads a file of any size, in pieces. @throws QuorateError NOT_FOUND, STORE_FAILED */
async function readBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const handle = await open(file);
    try {
      const stats = await handle.stat();
      if (stats.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
      if (!stats.isFile()) return Uint8Array.from(await handle.readFile()); // a pipe: its size isn't known
      const bytes = new Uint8Array(stats.size);
      for (let done = 0; done < bytes.length;) {
        const length = Math.min(PIECE_BYTES, bytes.length - done);
        const { bytesRead } = await handle.read(bytes, done, length, done);
        if (bytesRead === 0) throw new Error('it became shorter while it was read');
        done += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code);
    const reason = reasons[code] ?? (error as Error).message;
    throw new QuorateError(
      code === 'ENOENT' ? 'NOT_FOUND' : 'STORE_FAILED',
      `cannot read ${file}: ${reason}`,
      { file },
      error,
    );
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
 * @throws QuorateError NOT_FOUND, STORE_FAILED, UNSUPPORTED_MEDIA_TYPE, BAD_SHAPE, MALFORMED
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
      // By name, as a session sorts its nodes.
      const sorted = [...read.tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
      updates.push(...sorted.map(({ name, values }) => ({ name, values })));
      continue;
    }
    const layout = (tensors ??= read.tensors.map(({ name, shape }) => ({ name, shape })));
    const values = await naming(file, async () => placed(read.tensors, layout, files[0]!));
    updates.push({ name: basename(file), values });
  }
  return { updates, tensors: tensors ?? flat(updates[0]?.values.length ?? 0) };
}

/** The tensors' values in the order of the layout, which is that of the first file. @throws QuorateError BAD_SHAPE */
function placed(tensors: readonly Tensor[], layout: readonly TensorShape[], first: string): Float32Array {
  const offsets = matchTensors(tensors, layout, first);
  const values = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.values.length, 0));
  tensors.forEach((tensor, k) => {
    values.set(tensor.values, offsets[k]);
  });
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

/** Reads a model in the form that `setModel` takes. @throws QuorateError NOT_FOUND, STORE_FAILED, UNSUPPORTED_MEDIA_TYPE, MALFORMED */
export async function readModelFile(file: string): Promise<Float32Array | Uint8Array> {
  const bytes = await readBytes(file);
  if (formatOf(file) === '.safetensors') return bytes;
  return (await naming(file, () => readNpy(bytes))).values;
}
