/**
 * A system's own folder: the files that it hands to its components, the URL of its status page, and a lock that keeps
 * the system from running twice. Only its owner can read it, because it may hold tokens.
 */
import * as files from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { QuorateError } from '../errors.js';
import { makeFolder } from '../files/atomicFile.js';
import { onDisk } from '../files/files.js';
import { lockFolder } from '../files/folderLock.js';
import type { PlannedFile } from './plan/components.js';

const addressSchema = z.object({ url: z.url(), pid: z.int() });

export interface StateFolder {
  /** Writes down the URL of the status page. */
  announce(url: string): Promise<void>;
  /** Removes the URL and releases the lock. */
  close(): Promise<void>;
}

const addressFile = (folder: string): string => join(folder, 'status.json');

/** @throws QuorateError STORE_LOCKED if the system is already running, STORE_FULL, STORE_FAILED */
export async function openStateFolder(folder: string, planned: readonly PlannedFile[]): Promise<StateFolder> {
  await onDisk('make', folder, async () => {
    await makeFolder(files, folder);
    await files.chmod(folder, 0o700);
  });
  const unlock = await lockFolder(files, join(folder, 'lock'));
  const write = (path: string, text: string): Promise<void> =>
    onDisk('write', path, () => files.writeFile(path, text, { mode: 0o600 }));
  try {
    await files.rm(addressFile(folder), { force: true }); // left by a system that was killed
    for (const { path, text } of planned) await write(path, text);
  } catch (error) {
    await unlock();
    throw error;
  }
  return {
    announce: (url) => write(addressFile(folder), `${JSON.stringify({ url, pid: process.pid })}\n`),
    close: async () => {
      await files.rm(addressFile(folder), { force: true });
      await unlock();
    },
  };
}

/**
 * The URL of a running system's status page, for `readStatus`.
 *
 * @param folder the system's own folder: `stateFolderOf(file)`
 * @throws QuorateError NOT_FOUND if no system runs in this folder
 */
export async function statusAddress(folder: string): Promise<string> {
  try {
    return addressSchema.parse(JSON.parse(await files.readFile(addressFile(folder), 'utf8'))).url;
  } catch (error) {
    throw new QuorateError(
      'NOT_FOUND',
      `no system is running here: ${addressFile(folder)} holds no URL`,
      { folder },
      error,
    );
  }
}
