/**
 * Allows one process per folder, by a kernel lock on the file `lock`. The lock ends with the process, however it ends, so
 * there are no stale locks, and it works between containers that share the folder, where process ids mean nothing.
 *
 * Node has no call for this. On Linux the command flock (util-linux or busybox) locks a descriptor that it inherits; the
 * lock belongs to the open file description, which stays open here after the command exits. Other systems have a flag of
 * open(). Between machines the lock is only as good as the network file system's flock.
 */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { QuorateError } from '../errors.js';
import { FILE_MODE, type Files, onDisk, writeFully } from './files.js';

/** O_EXLOCK | O_NONBLOCK of BSD, UV_FS_O_EXLOCK of libuv: flags that Node passes on but doesn't name. */
const exclusiveFlags: Partial<Record<NodeJS.Platform, number>> = {
  darwin: 0x24,
  freebsd: 0x24,
  openbsd: 0x24,
  netbsd: 0x24,
  win32: 0x1000_0000,
};

const exitLocked = 1;

/**
 * Locks a folder, if it has a lock file, without changing that: for readers.
 *
 * @param path of the lock file
 * @returns a function that releases the lock
 * @throws QuorateError STORE_LOCKED, with `details.pid` if it is known; STORE_FAILED
 */
export async function lockForReading(files: Files, path: string): Promise<() => Promise<void>> {
  const flags = exclusiveFlags[process.platform] ?? 0;
  let file: FileHandle;
  try {
    file = await files.open(path, constants.O_RDONLY | flags);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return () => Promise.resolve(); // no process has ever had it open
    if (flags !== 0 && isBusy(code)) throw locked(path, null);
    return onDisk('lock', path, () => Promise.reject(error as Error));
  }
  try {
    if (flags === 0) await flock(file, path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return () => file.close();
}

/**
 * Locks a folder.
 *
 * @param path of the lock file
 * @returns a function that releases the lock
 * @throws QuorateError STORE_LOCKED, with `details.pid` if it is known; STORE_FAILED
 */
export async function lockFolder(files: Files, path: string): Promise<() => Promise<void>> {
  const flags = exclusiveFlags[process.platform] ?? 0;
  let file: FileHandle;
  try {
    file = await files.open(path, constants.O_RDWR | constants.O_CREAT | flags, FILE_MODE);
  } catch (error) {
    if (flags !== 0 && error instanceof Error && 'code' in error && isBusy(error.code))
      throw locked(path, null);
    return onDisk('lock', path, () => Promise.reject(error as Error));
  }
  try {
    if (flags === 0) await flock(file, path);
    // For other processes' error messages. The lock holds even if this fails, on a full disk for instance.
    await file.truncate(0).catch(() => undefined);
    await writeFully(file, Buffer.from(`${process.pid}\n`), 0).catch(() => undefined);
  } catch (error) {
    await file.close();
    throw error;
  }
  return () => file.close();
}

async function flock(file: FileHandle, path: string): Promise<void> {
  const { status, error } = spawnSync('flock', ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
  });
  if (status === 0) return;
  if (status === exitLocked) throw locked(path, await holder(file));
  throw new QuorateError(
    'STORE_FAILED',
    `can't lock ${path}: the command flock (util-linux, busybox) ${error ? `can't be run: ${error.message}` : `ended with ${String(status)}`}`,
    { file: path },
    error,
  );
}

/** The process that holds the lock, if the file says so. */
async function holder(file: FileHandle): Promise<number | null> {
  const text = await file.readFile('utf8').catch(() => '');
  return /^\d{1,10}\n$/.test(text) ? Number(text) : null;
}

const isBusy = (code: unknown): boolean => code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EBUSY';

function locked(path: string, pid: number | null): QuorateError {
  const by = pid === null ? '' : ` (pid ${pid})`;
  return new QuorateError('STORE_LOCKED', `another process${by} has the folder of ${path} open`, {
    file: path,
    pid,
  });
}
