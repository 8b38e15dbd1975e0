/**
 * A system's own folder: what its components are given as files, where its status is told, and a lock, for one system a
 * folder. Nobody else may read it: there may be tokens in it.
 */
import * as files from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { QuorateError } from '../errors.js';
import { onDisk } from '../files/files.js';
import { lockFolder } from '../files/folderLock.js';
import type { PlannedFile } from './plan/components.js';

const addressSchema = z.object({ url: z.url(), pid: z.int() });

export interface StateFolder {
  /** Tells where the status is. */
  announce(url: string): Promise<void>;
  /** Takes that back, and gives the lock back. */
  close(): Promise<void>;
}

const addressFile = (folder: string): string => join(folder, 'status.json');

/** @throws QuorateError STORE_LOCKED where the system runs already, STORE_FULL, STORE_FAILED */
export async function openStateFolder(folder: string, planned: readonly PlannedFile[]): Promise<StateFolder> {
  await onDisk('make', folder, () => files.mkdir(folder, { recursive: true, mode: 0o700 }));
  const unlock = await lockFolder(files, join(folder, 'lock'));
  const write = (path: string, text: string): Promise<void> =>
    onDisk('write', path, () => files.writeFile(path, text, { mode: 0o600 }));
  try {
    await files.rm(addressFile(folder), { force: true }); // of one that was killed
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

/** Where the status of the system with this folder is told. @throws QuorateError NOT_FOUND */
export async function statusAddress(folder: string): Promise<string> {
  try {
    return addressSchema.parse(JSON.parse(await files.readFile(addressFile(folder), 'utf8'))).url;
  } catch (error) {
    throw new QuorateError(
      'NOT_FOUND',
      `no system runs here: ${addressFile(folder)} tells no address`,
      { folder },
      error,
    );
  }
}
