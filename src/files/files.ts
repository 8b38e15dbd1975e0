/** The file system as the disk store uses it, which tests can replace. */
import type * as fileSystem from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { QuorateError } from '../errors.js';

/** The file system calls that the disk store makes. */
export type Files = Pick<
  typeof fileSystem,
  'open' | 'rename' | 'unlink' | 'readdir' | 'mkdir' | 'rm' | 'readFile'
>;

/** A damaged file. It was set aside or left alone, and not used. */
export interface Damage {
  /** Path of the file. */
  readonly file: string;
  /** The session that it belongs to; null if to none. */
  readonly session: string | null;
  /** The fault, and how it was repaired. */
  readonly message: string;
}

/** Modes of all that is made: for the user alone, whatever the umask. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** What every part of the disk store receives. */
export interface Disk {
  readonly files: Files;
  readonly note: (damage: Damage) => void;
}

/** ENOSPC: no room; EDQUOT: none for this user; EFBIG: none in a file, by a limit of the process. */
const fullCodes: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** Wraps an error of the system in a QuorateError: STORE_FULL or STORE_FAILED. */
export function storeError(error: unknown, action: string, file: string): QuorateError {
  if (error instanceof QuorateError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const isFull = fullCodes.includes(code);
  return new QuorateError(
    isFull ? 'STORE_FULL' : 'STORE_FAILED',
    `can't ${action} ${file}: ${error instanceof Error ? error.message : String(error)}`,
    { file, systemCode: code },
    error,
  );
}

/** Runs `work`. @throws QuorateError STORE_FULL or STORE_FAILED for whatever it throws */
export async function onDisk<T>(action: string, file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error, action, file);
  }
}

/** The error for a damaged file. */
export function corruptFile(file: string, problem: string, offset?: number): QuorateError {
  const where = offset === undefined ? '' : ` at byte ${offset}`;
  return new QuorateError('CORRUPT_FILE', `${file}${where}: ${problem}`, {
    file,
    ...(offset === undefined ? {} : { offset }),
  });
}

/** Writes all of `bytes`; FileHandle.write may write only a part. */
export async function writeFully(
  file: fileSystem.FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** A vector's bytes, as a view. */
export function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/**
 * Fills `bytes` from `position` on. Several reads of one file may be in progress at once.
 *
 * @throws Error of the system, or if the file ends too early
 */
export async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new Error(`the file ended at byte ${position + done}`);
    done += bytesRead;
  }
}
