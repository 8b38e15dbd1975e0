/**
 * Files that are there whole or not at all: written under another name, fsynced, renamed, the folder fsynced.
 * What a crash leaves behind ends in `.tmp` and is removed at the next opening.
 */
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Files, onDisk } from './files.js';

export const temporarySuffix = '.tmp';

/** What was set aside because it was damaged; nothing reads it again. */
export const damagedSuffix = '.damaged';

let temporaries = 0;

/**
 * @param write fills the new file and returns the name that it shall have in the folder; a file of that name is
 *   replaced
 * @param onRename called when the file has that name, before that is durable: what fails from here on leaves it there
 * @throws QuorateError STORE_FULL, STORE_FAILED
 */
export async function createAtomically(
  files: Files,
  folder: string,
  write: (file: FileHandle) => Promise<string>,
  onRename: () => void = () => undefined,
): Promise<string> {
  const temporary = join(folder, `${process.pid}-${++temporaries}${temporarySuffix}`);
  return onDisk('write', temporary, async () => {
    const file = await files.open(temporary, 'w');
    try {
      const name = await write(file);
      await file.sync();
      await file.close();
      await files.rename(temporary, join(folder, name));
      onRename();
      await syncFolder(files, folder);
      return name;
    } catch (error) {
      await file.close().catch(() => undefined); // closed already, or closing is what failed
      await files.unlink(temporary).catch(() => undefined); // renamed already, or the next opening removes it
      throw error;
    }
  });
}

/** Makes what was created, renamed or removed in a folder durable. Windows has no such call, nor needs it. */
export async function syncFolder(files: Files, folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await files.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, durably; nothing, if it is there. */
export async function makeFolder(files: Files, folder: string): Promise<void> {
  const first = await files.mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); made !== dirname(resolve(first)); made = dirname(made)) {
    await syncFolder(files, dirname(made));
  }
}

/** Removes what an interrupted write has left. @returns the names of the other files and folders */
export async function listFolder(files: Files, folder: string): Promise<string[]> {
  return onDisk('list', folder, async () => {
    const names = await files.readdir(folder);
    const leftovers = names.filter((name) => name.endsWith(temporarySuffix));
    for (const name of leftovers) await files.rm(join(folder, name), { recursive: true, force: true });
    return names.filter((name) => !name.endsWith(temporarySuffix));
  });
}
