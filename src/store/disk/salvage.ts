/** All that can be read of a journal, whatever is damaged in it: for a repair, which says what it could not read. */
import { type Disk, type Files, onDisk } from '../../files/files.js';
import { copyBytes, createAtomically, damagedSuffix, namesIn } from '../../files/atomicFile.js';
import { basename, dirname, join } from 'node:path';
import { BLOCK_BYTES, chunksIn, chunkStart } from './batchFraming.js';
import { type Batch, BlockReader, readBatch } from './batchReader.js';
import { writeSnapshot } from './journalFile.js';
import { journalRecordSchema, JournalState } from './journalRecords.js';

/** What could be read. */
export interface Salvaged {
  readonly state: JournalState;
  readonly sizeBytes: number;
  /** Records that could be read, and those that say what none may. */
  readonly records: number;
  readonly refused: number;
  /** What could not be read, from one byte to before another. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
}

/** @throws Error of the system */
export async function salvageJournal(files: Files, path: string): Promise<Salvaged> {
  const file = await files.open(path, 'r');
  try {
    const blocks = new BlockReader(file, (await file.stat()).size);
    const state = new JournalState();
    const gaps: { start: number; end: number }[] = [];
    let [records, refused] = [0, 0];
    for (let [position, number] = [0, 0]; position < blocks.size;) {
      const batch = await readBatch(blocks, position, number);
      if (!batch) {
        const next = await nextBatch(blocks, position);
        gaps.push({ start: position, end: next?.start ?? blocks.size });
        if (!next) break;
        [position, number] = [next.start, next.number - 1];
        continue;
      }
      for (const record of batch.records) {
        const { data } = journalRecordSchema.safeParse(record);
        if (data) state.apply(data);
        if (data) records++;
        else if (!isOpening(record)) refused++;
      }
      [position, number] = [batch.end, batch.number];
    }
    return { state, sizeBytes: blocks.size, records, refused, gaps };
  } finally {
    await file.close();
  }
}

const isOpening = (record: unknown): boolean =>
  typeof record === 'object' && record !== null && 'format' in record;

/** The first batch behind `start` that can be read, wherever it is. */
async function nextBatch(blocks: BlockReader, start: number): Promise<Batch | null> {
  for (let at = start; at < blocks.size; at += BLOCK_BYTES - (at % BLOCK_BYTES)) {
    const block = Buffer.from(await blocks.block(at)); // reading a batch may overwrite it
    for (const { at: place, chunk } of chunksIn(block, at % BLOCK_BYTES)) {
      const position = at - (at % BLOCK_BYTES) + place;
      if (!chunk.isFirst || position <= start || chunkStart(chunk.durable) !== position) continue;
      const batch = await readBatch(blocks, chunk.durable, chunk.number - 1);
      if (batch) return batch;
    }
  }
  return null;
}

/**
 * Replaces the journal by one that leads to this state. What was there is kept under another name. A crash leaves the
 * one or the other.
 *
 * @returns the name of what was there; null: there was none
 * @throws QuorateError STORE_FULL, STORE_FAILED
 */
export async function replaceJournal(
  { files }: Pick<Disk, 'files'>,
  path: string,
  state: JournalState,
): Promise<string | null> {
  const folder = dirname(path);
  const kept = await onDisk('copy', path, () => keepCopy(files, path));
  await createAtomically(files, folder, async (file) => {
    await writeSnapshot(file, state);
    return basename(path);
  });
  return kept;
}

async function keepCopy(files: Files, path: string): Promise<string | null> {
  const [folder, own] = [dirname(path), basename(path)];
  const names = await namesIn(files, folder);
  if (!names.includes(own)) return null;
  let count = 1;
  const nameOf = (): string => `${own}-before-repair-${count}${damagedSuffix}`;
  while (names.includes(nameOf())) count++;
  const source = await files.open(join(folder, own), 'r');
  try {
    const { size } = await source.stat();
    return await createAtomically(files, folder, async (file) => {
      await copyBytes(source, file, 0, size);
      return nameOf();
    });
  } finally {
    await source.close();
  }
}
