/**
 * One process a folder, by a lock of the kernel's on the file `lock`: it ends with the process, however that ends, so
 * there is no stale lock to be judged, and it holds between containers of a machine that share the folder, where
 * process ids mean nothing.
 *
 * Node has no call for it. On Linux the command flock (of util-linux, or busybox) locks a descriptor that it inherits;
 * the lock belongs to the open file, which stays open here after the command has ended. Elsewhere a flag of open()
 * does it. Limits: between machines it holds as far as the network file system's flock does.
 */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { QuorateError } from '../errors.js';
import { type Files, onDisk, writeFully } from './files.js';

/** BSD's O_EXLOCK | O_NONBLOCK, libuv's UV_FS_O_EXLOCK: flags that Node passes on but does not name. */
const exclusiveFlags: Partial<Record<NodeJS.Platform, number>> = {
  darwin: 0x24,
  freebsd: 0x24,
  openbsd: 0x24,
  netbsd: 0x24,
  win32: 0x1000_0000,
};

const exitLocked = 1;

/** @returns what gives the lock back. @throws QuorateError STORE_LOCKED, with `details.pid` if it is known; STORE_FAILED */
export async function lockFolder(files: Files, path: string): Promise<() => Promise<void>> {
  const flags = exclusiveFlags[process.platform] ?? 0;
  let file: FileHandle;
  try {
    file = await files.open(path, constants.O_RDWR | constants.O_CREAT | flags);
  } catch (error) {
    if (flags !== 0 && error instanceof Error && 'code' in error && isBusy(error.code))
      throw locked(path, null);
    return onDisk('lock', path, () => Promise.reject(error as Error));
  }
  try {
    if (flags === 0) await flock(file, path);
    // For the message that another process gives; the lock stands without it, on a full disk, say.
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

/** Who has the lock, as far as the file tells. */
async function holder(file: FileHandle): Promise<number | null> {
  const text = await file.readFile('utf8').catch(() => '');
  return /^\d{1,10}\n$/.test(text) ? Number(text) : null;
}

const isBusy = (code: unknown): boolean => code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EBUSY';

function locked(path: string, pid: number | null): QuorateError {
  const by = pid === null ? '' : ` (pid ${pid})`;
  return new QuorateError('STORE_LOCKED', `another process${by} has opened the folder of ${path}`, {
    file: path,
    pid,
  });
}
