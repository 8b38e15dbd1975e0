/** Folders of sessions that the journal does not know: they are moved out of the way and reported, never removed. */
import { basename, join } from 'node:path';
import { makeFolder, namesIn, syncFolder } from '../../files/atomicFile.js';
import type { Disk } from '../../files/files.js';
import type { Journal } from './journal.js';
import { folderName, readSessionFolders, type SessionFolder } from './sessionFolders.js';

/** Where they are moved to, in the store's folder. */
export const setAsideFolder = 'set-aside';

/** At the opening. @throws Error of the system */
export async function setOrphansAside(disk: Disk, folder: string, journal: Journal): Promise<void> {
  const known = new Set(journal.sessions.map(({ id }) => id));
  for (const found of await readSessionFolders(disk.files, folder)) {
    if (found.isFilled && !known.has(found.id)) await setFolderAside(disk, folder, found);
    if (!known.has(found.id)) journal.forgetRemoved(found.id);
  }
}

/** @returns where it is now. @throws Error of the system */
export async function setFolderAside(disk: Disk, folder: string, found: SessionFolder): Promise<string> {
  const { files } = disk;
  const all = join(folder, setAsideFolder);
  await makeFolder(files, all);
  const prefix = `${folderName(found.id)}-`;
  const taken = (await namesIn(files, all))
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter(Number.isSafeInteger);
  const target = join(all, `${prefix}${Math.max(0, ...taken) + 1}`);
  await files.rename(found.path, target);
  await syncFolder(files, all);
  await syncFolder(files, join(folder, 'sessions'));
  disk.note({
    file: found.path,
    session: found.id,
    message: `the journal does not know this session; its files were moved to ${join(setAsideFolder, basename(target))}`,
  });
  return target;
}
