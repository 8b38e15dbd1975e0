/** The folders of sessions, as their names and those of their files say; nothing is changed or read into. */
import { join } from 'node:path';
import { damagedSuffix, namesIn } from '../../files/atomicFile.js';
import type { Files } from '../../files/files.js';
import { type CheckpointName, parseCheckpointName } from './checkpointFile.js';
import { parseRoundName } from './roundFile.js';

/** A session's folder. */
export interface SessionFolder {
  readonly id: string;
  readonly path: string;
  readonly checkpoints: readonly CheckpointName[];
  /** Ascending by round and attempt. */
  readonly rounds: readonly { readonly round: number; readonly attempt: number; readonly path: string }[];
  /** Whether it has a file of a session, be it one that was set aside: one that was only just made has none. */
  readonly isFilled: boolean;
}

/**
 * Ids are plain, but case may be all that tells two apart, and not every file system does; nor may one look like a
 * leftover of ours.
 */
export function folderName(id: string): string {
  return id.replace(/[^a-z0-9_-]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

/** The session that a folder's name says; null: it is no session's. */
function sessionOf(name: string): string | null {
  const id = name.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
  return id !== '' && folderName(id) === name ? id : null;
}

/** @param folder of the store. @throws Error of the system */
export async function readSessionFolders(files: Files, folder: string): Promise<SessionFolder[]> {
  const all = join(folder, 'sessions');
  const found: SessionFolder[] = [];
  for (const name of (await namesIn(files, all)).sort()) {
    const id = sessionOf(name);
    if (id === null) continue;
    const path = join(all, name);
    const checkpointFiles = await namesIn(files, join(path, 'checkpoints'));
    const roundFiles = await namesIn(files, join(path, 'rounds'));
    const checkpoints = checkpointFiles.flatMap((file) => parseCheckpointName(file) ?? []);
    const rounds = roundFiles.flatMap((file) => {
      const parts = parseRoundName(file);
      return parts ? [{ ...parts, path: join(path, 'rounds', file) }] : [];
    });
    rounds.sort((a, b) => a.round - b.round || a.attempt - b.attempt);
    const isDamaged = [...checkpointFiles, ...roundFiles].some((file) => file.endsWith(damagedSuffix));
    const isFilled = isDamaged || checkpoints.length + rounds.length > 0;
    found.push({ id, path, checkpoints, rounds, isFilled });
  }
  return found;
}
