/**
 * Files that exist completely or not at all: written under a temporary name, fsynced, renamed, then the folder fsynced.
 * A crash leaves at most a `.tmp` file, which the next opening removes.
 */
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FILE_MODE, type Files, FOLDER_MODE, onDisk, readFully, writeFully } from './files.js';

/** Suffix of incomplete files. */
export const temporarySuffix = '.tmp';

/** Suffix of damaged files that were set aside. Nothing reads them again. */
export const damagedSuffix = '.damaged';

let temporaries = 0;

/**
 * Creates or replaces a file atomically and durably.
 *
 * @param write fills the new file and returns its name in the folder; an existing file of that name is replaced
 * @param onRename called after the rename, before it is durable: a later failure leaves the file in place
 * @returns the file's name
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
    const file = await files.open(temporary, 'w', FILE_MODE);
    try {
      const name = await write(file);
      await file.sync();
      await file.close();
      await files.rename(temporary, join(folder, name));
      onRename();
      await syncFolder(files, folder);
      return name;
    } catch (error) {
      await file.close().catch(() => undefined); // already closed, or closing failed
      await files.unlink(temporary).catch(() => undefined); // already renamed, or the next opening removes it
      throw error;
    }
  });
}

/** Makes creations, renames and removals in a folder durable. Windows neither has nor needs such a call. */
export async function syncFolder(files: Files, folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await files.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Creates a folder and its parents durably, if it doesn't exist. One at a time: mkdir with `recursive` never returns where
 * a parent takes no folders and says that it isn't there, as /proc/self does.
 */
export async function makeFolder(files: Files, folder: string): Promise<void> {
  const path = resolve(folder);
  const make = async (): Promise<void> => {
    await files.mkdir(path, { mode: FOLDER_MODE });
    await syncFolder(files, dirname(path));
  };
  try {
    await make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'EISDIR') return; // the root of a system may say EISDIR
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(files, dirname(path));
    await make();
  }
}

/** Removes the temporary files of interrupted writes. @returns the names of the other files and folders */
export async function listFolder(files: Files, folder: string): Promise<string[]> {
  return onDisk('list', folder, async () => {
    const names = await files.readdir(folder);
    const leftovers = names.filter((name) => name.endsWith(temporarySuffix));
    for (const name of leftovers) await files.rm(join(folder, name), { recursive: true, force: true });
    return names.filter((name) => !name.endsWith(temporarySuffix));
  });
}

/** The names in a folder, without leftovers; nothing is changed. A folder that isn't there has none. */
export async function namesIn(files: Files, folder: string): Promise<string[]> {
  try {
    return (await files.readdir(folder)).filter((name) => !name.endsWith(temporarySuffix));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

const copyPieceBytes = 2 ** 20;

/** Copies the bytes between to the beginning of another file. */
export async function copyBytes(from: FileHandle, to: FileHandle, start: number, end: number): Promise<void> {
  const piece = Buffer.alloc(Math.min(copyPieceBytes, end - start));
  for (let at = start; at < end; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, end - at));
    await readFully(from, part, at);
    await writeFully(to, part, at - start);
  }
}
