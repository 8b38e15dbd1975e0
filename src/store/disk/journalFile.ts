/** A journal as it lies on the disk: read, judged and written anew. Nothing here changes a file that is there. */
import type { FileHandle } from 'node:fs/promises';
import * as z from 'zod';
import { corruptFile, type Files, readFully, writeFully } from '../../files/files.js';
import type { JournalRecord } from '../store.js';
import { BLOCK_BYTES, encodeBatch } from './batchFraming.js';
import { type Batch, BlockReader, readBatch, readTail, type Tail } from './batchReader.js';
import { journalRecordSchema, JournalState } from './journalRecords.js';

/** The first record of a journal. */
const opening = { format: 'quorate-journal', version: 2 };
/** How a journal of version 1 began, behind the head of its first record. */
const olderOpening = '{"format":"quorate-journal","version":1}';

/** A snapshot's records go into batches of about so much JSON. */
const snapshotBatchBytes = 2 ** 20;

/** What a journal holds. */
export interface JournalContents {
  readonly state: JournalState;
  /** Where the batches that can be read end. */
  readonly end: number;
  /** The number of the last one. */
  readonly number: number;
  /** What is behind them; null: nothing. */
  readonly tail: Tail | null;
}

/** @returns null if there is no journal. @throws QuorateError CORRUPT_FILE; Error of the system */
export async function readJournalFile(
  files: Files,
  path: string,
  pieceBytes?: number,
): Promise<JournalContents | null> {
  const file = await openIfThere(files, path);
  if (!file) return null;
  try {
    const blocks = new BlockReader(file, (await file.stat()).size, pieceBytes);
    const state = new JournalState();
    let last: Pick<Batch, 'number' | 'end'> = { number: 0, end: 0 };
    for (;;) {
      const batch = await readBatch(blocks, last.end, last.number);
      if (!batch) break;
      const records = last.end === 0 ? withoutOpening(path, batch.records) : batch.records;
      for (const record of records) state.apply(checked(path, record));
      last = batch;
    }
    if (last.end === 0) throw corruptFile(path, await whyNoJournal(file, blocks.size), 0);
    return { state, end: last.end, number: last.number, tail: await readTail(blocks, last.end) };
  } finally {
    await file.close();
  }
}

async function openIfThere(files: Files, path: string): Promise<FileHandle | null> {
  try {
    return await files.open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function withoutOpening(path: string, [first, ...records]: readonly unknown[]): readonly unknown[] {
  if (JSON.stringify(first) === JSON.stringify(opening)) return records;
  throw corruptFile(
    path,
    `it begins with ${JSON.stringify(first)}; ${JSON.stringify(opening)} can be read`,
    0,
  );
}

async function whyNoJournal(file: FileHandle, size: number): Promise<string> {
  const bytes = Buffer.alloc(Math.min(size, BLOCK_BYTES));
  await readFully(file, bytes, 0);
  if (bytes.includes(olderOpening)) return 'it is a journal of version 1; version 2 can be read';
  return size === 0 ? 'it is empty' : 'its beginning is no journal that can be read';
}

function checked(path: string, record: unknown): JournalRecord {
  const { data, error } = journalRecordSchema.safeParse(record);
  if (data) return data;
  throw corruptFile(path, `a record says what none may: ${z.prettifyError(error)}`);
}

/** What a journal must not be opened with. @throws QuorateError CORRUPT_FILE */
export function refuseTail(path: string, { start, kind, shownAt }: Tail): void {
  if (kind === 'acknowledged') {
    const problem = `records are damaged that were acknowledged: a later batch is at byte ${shownAt}`;
    throw corruptFile(path, problem, start);
  }
  if (kind === 'foreign') {
    throw corruptFile(path, `what is at byte ${shownAt} was not written there: no crash leaves that`, start);
  }
}

/** The batches of a journal that leads to this state. */
export function* snapshotBatches(
  state: JournalState,
): Generator<{ bytes: Buffer; at: number; number: number }> {
  let [at, number, held] = [0, 1, 0];
  let records: unknown[] = [opening];
  const batch = () => {
    const bytes = encodeBatch(records, number, at);
    const made = { bytes, at, number };
    [at, number, held, records] = [at + bytes.length, number + 1, 0, []];
    return made;
  };
  for (const record of state.records()) {
    records.push(record);
    held += JSON.stringify(record).length;
    if (held >= snapshotBatchBytes) yield batch();
  }
  if (records.length > 0) yield batch();
}

/** @returns the file's length, and the number of its last batch */
export async function writeSnapshot(
  file: FileHandle,
  state: JournalState,
): Promise<{ end: number; number: number }> {
  let last = { end: 0, number: 0 };
  for (const { bytes, at, number } of snapshotBatches(state)) {
    await writeFully(file, bytes, at);
    last = { end: at + bytes.length, number };
  }
  return last;
}

/** How long a journal would be that is written anew. */
export function snapshotBytes(state: JournalState): number {
  let end = 0;
  for (const { bytes, at } of snapshotBatches(state)) end = at + bytes.length;
  return end;
}
