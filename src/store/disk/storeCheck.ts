/** What a folder holds and what is wrong with it, without opening it as a store: nothing is changed. */
import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import { QuorateError } from '../../errors.js';
import { namesIn } from '../../files/atomicFile.js';
import { type Files, onDisk } from '../../files/files.js';
import { lockForReading } from '../../files/folderLock.js';
import { type CheckpointFileSummary, summarizeCheckpointFile } from './checkpointFile.js';
import { readSegments } from './eventLog.js';
import { readProvenJournal } from './provenJournal.js';
import { readSessionFolders, type SessionFolder } from './sessionFolders.js';
import { type Salvaged, salvageJournal } from './salvage.js';

/** Something in a folder that is not as it should be. */
export interface StoreProblem {
  /** Path of the file or folder. */
  readonly file: string;
  /** What it is. */
  readonly message: string;
  /** Whether the server refuses to start. */
  readonly isBlocking: boolean;
}

/** A session's folder, looked at. */
export interface CheckedSession {
  readonly folder: SessionFolder;
  /** Of the checkpoints that are whole, ascending by round. */
  readonly checkpoints: readonly CheckpointFileSummary[];
}

/** What was found in a folder. */
export interface StoreFindings {
  readonly folder: string;
  readonly problems: readonly StoreProblem[];
  readonly sessions: readonly CheckedSession[];
  /** What can be read of the journal; null: there is none. */
  readonly journal: Salvaged | null;
  /** Whether the journal must be repaired before the server starts. */
  readonly isJournalBroken: boolean;
}

/**
 * Looks at a folder.
 *
 * @throws QuorateError NOT_FOUND, STORE_LOCKED, STORE_FAILED
 */
export async function checkStore(folder: string, files: Files = nodeFiles): Promise<StoreFindings> {
  const names = await onDisk('list', folder, () => namesIn(files, folder));
  if (!names.includes('journal') && !names.includes('sessions')) {
    throw new QuorateError('NOT_FOUND', `${folder} holds no store`, { folder });
  }
  const unlock = await lockForReading(files, join(folder, 'lock'));
  try {
    return await onDisk('read', folder, () => inspect(files, folder));
  } finally {
    await unlock();
  }
}

/** The same without a lock. @throws Error of the system */
export async function inspect(files: Files, folder: string): Promise<StoreFindings> {
  const path = join(folder, 'journal');
  const problems: StoreProblem[] = [];
  const note = (file: string, message: string, isBlocking = false) =>
    problems.push({ file, message, isBlocking });

  let isJournalBroken = false;
  try {
    const contents = await readProvenJournal(files, folder, path);
    const tail = contents?.tail;
    if (tail) note(path, `the last batch, at byte ${tail.start}, is incomplete; the next start cuts it off`);
  } catch (error) {
    if (!(error instanceof QuorateError) || error.code !== 'CORRUPT_FILE') throw error;
    note(path, error.message, true);
    isJournalBroken = true;
  }
  const isThere = (await namesIn(files, folder)).includes('journal');
  const journal = isThere ? await salvageJournal(files, path) : null;

  for await (const { path: segment, state, end } of readSegments(files, join(folder, 'events'))) {
    if (state !== 'whole') note(segment, `events are damaged at byte ${end}`);
  }
  const sessions: CheckedSession[] = [];
  for (const found of await readSessionFolders(files, folder)) {
    sessions.push(await checkSession(files, found, note));
    if (found.isFilled && !isJournalBroken && !journal?.state.sessions.has(found.id)) {
      note(found.path, 'the journal does not know this session; the next start sets its folder aside');
    }
  }
  return { folder, problems, sessions, journal, isJournalBroken };
}

async function checkSession(
  files: Files,
  folder: SessionFolder,
  note: (file: string, message: string) => void,
): Promise<CheckedSession> {
  const checkpoints: CheckpointFileSummary[] = [];
  const all = join(folder.path, 'checkpoints');
  for (const name of folder.checkpoints) {
    try {
      checkpoints.push(await summarizeCheckpointFile(files, all, name));
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'CORRUPT_FILE') throw error;
      note(join(all, name.name), error.message);
    }
  }
  checkpoints.sort((a, b) => a.round - b.round || a.revision - b.revision);
  return { folder, checkpoints };
}
