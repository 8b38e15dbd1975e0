/** The journal of a folder, read, and compared with what the rest of the folder proves. Nothing is changed. */
import { join } from 'node:path';
import { corruptFile, type Files } from '../../files/files.js';
import type { NumberedEvent } from '../store.js';
import { readSegments } from './eventLog.js';
import { provenBeyond } from './evidence.js';
import { type JournalContents, readJournalFile, refuseTail } from './journalFile.js';
import { readSessionFolders, type SessionFolder } from './sessionFolders.js';

/** What to do about it. */
const advice = `'quorate store check' shows what there is, 'quorate store repair' what can be done`;

/**
 * @returns null for a folder that never had a journal
 * @throws QuorateError CORRUPT_FILE; Error of the system
 */
export async function readProvenJournal(
  files: Files,
  folder: string,
  path: string,
): Promise<JournalContents | null> {
  const contents = await readJournalFile(files, path);
  if (contents && !contents.tail) return contents;
  if (contents?.tail) refuseTail(path, contents.tail);
  const folders = await readSessionFolders(files, folder);
  const events: NumberedEvent[] = [];
  for await (const segment of readSegments(files, join(folder, 'events'))) {
    for (const event of segment.events) events.push(event);
  }
  if (!contents) {
    const reasons = withoutJournal(folders, events);
    if (reasons.length > 0) throw corruptFile(path, `it is missing, yet ${reasons.join('; ')}. ${advice}`);
    return null;
  }
  const reasons = await provenBeyond(files, contents.state, folders, events);
  if (reasons.length === 0) return contents;
  const problem = `the last batch is damaged, and was acknowledged: ${reasons.join('; ')}. ${advice}`;
  throw corruptFile(path, problem, contents.end);
}

/** What a folder without a journal can't hold unless there was one. */
export function withoutJournal(
  folders: readonly SessionFolder[],
  events: readonly NumberedEvent[],
): string[] {
  const reasons = folders.filter(({ isFilled }) => isFilled).map(({ path }) => `${path} holds a session`);
  if (events.length > 0) reasons.push(`there are events, up to number ${events.at(-1)!.number}`);
  return reasons;
}
