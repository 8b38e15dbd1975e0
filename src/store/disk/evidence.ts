/**
 * What the other files of a folder prove of what the journal must have said. A session is in the journal before a
 * checkpoint of it is written, a node before an update of it is taken, and both before they are announced.
 */
import type { Files } from '../../files/files.js';
import type { NumberedEvent } from '../store.js';
import type { JournalState } from './journalRecords.js';
import { readHeader } from './roundFile.js';
import { readRecords } from './roundRecovery.js';
import type { SessionFolder } from './sessionFolders.js';

/**
 * Why a journal without this last batch can't be all that was acknowledged, a sentence each; none: nothing says so.
 *
 * @throws Error of the system
 */
export async function provenBeyond(
  files: Files,
  state: JournalState,
  folders: readonly SessionFolder[],
  events: readonly NumberedEvent[],
): Promise<string[]> {
  const reasons = unknownFolders(state, folders).map(
    ({ path }) => `${path} holds a session that the journal does not know`,
  );
  const isUnknown = (node: string): boolean => !state.nodes.has(node) && !state.removedNodes.has(node);
  for (const { path } of folders.filter(({ id }) => state.sessions.has(id)).flatMap(({ rounds }) => rounds)) {
    const nodes = (await nodesOfRound(files, path)).filter(isUnknown);
    if (nodes.length > 0)
      reasons.push(`${path} holds updates of ${nodes.join(', ')}, which the journal does not know`);
  }
  const announced = announcedBy(events);
  for (const id of announced.sessions) {
    if (!state.sessions.has(id) && !state.removed.has(id)) {
      reasons.push(`an event announces session ${id}, which the journal does not know`);
    }
  }
  for (const node of announced.nodes) {
    if (isUnknown(node)) reasons.push(`an event announces node ${node}, which the journal does not know`);
  }
  return reasons;
}

/** Folders with files of sessions that the journal has neither as there nor as removed. */
export function unknownFolders(state: JournalState, folders: readonly SessionFolder[]): SessionFolder[] {
  return folders.filter(({ id, isFilled }) => isFilled && !state.sessions.has(id) && !state.removed.has(id));
}

/** Who sent what is in a round's file; what can't be read proves nothing. */
async function nodesOfRound(files: Files, path: string): Promise<string[]> {
  const file = await files.open(path, 'r');
  try {
    const { size } = await file.stat();
    const found = await readHeader(file, size);
    return found ? [...(await readRecords(file, found.layout, size)).updates.keys()] : [];
  } finally {
    await file.close();
  }
}

/** What is there after these events. */
function announcedBy(events: readonly NumberedEvent[]) {
  const [sessions, nodes] = [new Set<string>(), new Set<string>()];
  for (const { body } of events) {
    const { type, session, node } = body;
    if (type === 'session-created' && typeof session === 'string') sessions.add(session);
    if (type === 'session-removed' && typeof session === 'string') sessions.delete(session);
    if (type === 'node-status' && typeof node === 'string') nodes.add(node);
    if (type === 'node-removed' && typeof node === 'string') nodes.delete(node);
  }
  return { sessions, nodes };
}
