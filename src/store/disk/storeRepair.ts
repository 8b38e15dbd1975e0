/** What can be done about a folder that the server refuses: planned first, so that people see what would be lost. */
import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '../../files/files.js';
import { lockFolder } from '../../files/folderLock.js';
import { onDisk } from '../../files/files.js';
import type { SessionStatus } from '../../rounds/machine.js';
import type { SessionEntry } from '../store.js';
import { JournalState } from './journalRecords.js';
import { replaceJournal } from './salvage.js';
import { inspect, type StoreFindings } from './storeCheck.js';

/** What a repair would do. */
export interface RepairPlan {
  /** Whether there is anything to do. */
  readonly isNeeded: boolean;
  /** What is kept, rebuilt, dropped and not known, a sentence each. */
  readonly kept: readonly string[];
  readonly rebuilt: readonly string[];
  readonly dropped: readonly string[];
  readonly unknown: readonly string[];
  /** What the journal will say. */
  readonly state: JournalState;
}

/** Decides what to do; nothing is changed. */
export function planRepair({ folder, journal, sessions, isJournalBroken }: StoreFindings): RepairPlan {
  const state = journal?.state ?? new JournalState();
  const [kept, rebuilt, dropped, unknown]: string[][] = [[], [], [], []];
  const plan = {
    isNeeded: isJournalBroken,
    kept: kept!,
    rebuilt: rebuilt!,
    dropped: dropped!,
    unknown: unknown!,
    state,
  };
  if (!isJournalBroken) return plan;
  plan.kept.push(`${state.nodes.size} nodes and ${state.sessions.size} sessions that the journal has`);
  for (const { start, end } of journal?.gaps ?? []) {
    plan.dropped.push(`bytes ${start} to ${end} of the journal, which can't be read`);
  }
  const refused = journal?.refused ?? 0;
  if (refused > 0) plan.dropped.push(`${refused} records that say what none may`);

  const named = new Set<string>();
  for (const { folder: found, checkpoints } of sessions) {
    const newest = checkpoints.at(-1);
    for (const node of newest?.nodes ?? []) if (!state.nodes.has(node)) named.add(node);
    if (!found.isFilled || state.sessions.has(found.id)) continue;
    const session = newest?.session;
    if (session?.id !== found.id || state.removed.has(found.id)) {
      const why = state.removed.has(found.id)
        ? 'the journal says that it was removed'
        : 'no checkpoint in it says how the session was configured';
      plan.dropped.push(
        `session ${found.id}: ${why}; its folder ${found.path} will be set aside, not removed`,
      );
      continue;
    }
    const status = statusAfter(newest!.status);
    const entry: SessionEntry = { ...session, status, reason: 'rebuilt by quorate store repair' };
    state.apply({ type: 'session', session: entry });
    plan.rebuilt.push(
      `session ${found.id}, ${status}, from its checkpoint of round ${newest!.round}; a later command (pause, stop) is lost`,
    );
  }
  if (named.size > 0) {
    plan.unknown.push(
      `nodes ${[...named].sort().join(', ')}: they must register again, for their tokens are in no other file`,
    );
  }
  plan.unknown.push(
    journal
      ? 'registrations, removals of nodes, and commands that were in what is dropped: a removed node may be back'
      : 'nodes without an update in a checkpoint, evaluations of the newest models, and sessions without a model',
  );
  plan.kept.push(`every other file in ${folder}`);
  return plan;
}

/** A session that was running may have been stopped since: people decide whether it goes on. */
const statusAfter = (status: SessionStatus): SessionStatus => (status === 'running' ? 'paused' : status);

/**
 * Plans a repair, and does it. What was the journal is kept beside it.
 *
 * @returns the name of what the journal was; null: there was none, or nothing was done
 * @throws QuorateError STORE_LOCKED, STORE_FULL, STORE_FAILED
 */
export async function repairStore(
  folder: string,
  files: Files = nodeFiles,
): Promise<{ plan: RepairPlan; isDone: boolean; journalBefore: string | null }> {
  const unlock = await lockFolder(files, join(folder, 'lock'));
  try {
    const plan = planRepair(await onDisk('read', folder, () => inspect(files, folder)));
    if (!plan.isNeeded) return { plan, isDone: false, journalBefore: null };
    const journalBefore = await replaceJournal({ files }, join(folder, 'journal'), plan.state);
    return { plan, isDone: true, journalBefore };
  } finally {
    await unlock();
  }
}
