/** Who may write to a store's folder: who can is who can replace its models. */
import { join } from 'node:path';
import { QuorateError } from '../../errors.js';
import type { Files } from '../../files/files.js';

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/**
 * Looks at the folder and those in it.
 *
 * @param warn called for each that the group may write to
 * @throws QuorateError INSECURE_FOLDER for one that everyone may write to; Error of the system
 */
export async function checkModes(
  files: Files,
  folder: string,
  warn: (message: string) => void,
): Promise<void> {
  if (process.platform === 'win32') return; // modes say nothing there
  for (const path of [folder, join(folder, 'sessions'), join(folder, 'events')]) {
    const mode = await modeOf(files, path);
    if (mode === null) continue;
    if ((mode & OTHERS_WRITE) !== 0) {
      const message = `everyone may write to ${path} (mode ${octal(mode)}): chmod 700 ${path}`;
      throw new QuorateError('INSECURE_FOLDER', message, { folder: path, mode: octal(mode) });
    }
    if ((mode & GROUP_WRITES) !== 0) {
      warn(`the group may write to ${path} (mode ${octal(mode)}): chmod 700 ${path}`);
    }
  }
}

const octal = (mode: number): string => `0${(mode & 0o7777).toString(8)}`;

async function modeOf(files: Files, path: string): Promise<number | null> {
  try {
    const handle = await files.open(path, 'r');
    try {
      return (await handle.stat()).mode;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
