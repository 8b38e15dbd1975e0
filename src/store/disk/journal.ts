/**
 * Nodes, sessions, and evaluations of the newest models: a file of batches of records (batchFraming.ts), the first of
 * which says what the file is. A later record of a node or session replaces an earlier one; when the outdated ones are
 * most of the file, it is written anew.
 *
 * A batch at the end of which pages are missing, as a crash or a power failure leaves it, was never acknowledged, as
 * long as neither a later batch nor a session's folder shows that it was. It is cut off and reported; what there is of
 * it is kept beside the journal. In every other case the opening fails, and nothing is changed.
 */
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { copyBytes, createAtomically, damagedSuffix, syncFolder } from '../../files/atomicFile.js';
import { type Disk, onDisk, writeFully } from '../../files/files.js';
import type { JournalRecord, NodeEntry, SessionEntry } from '../store.js';
import { encodeBatch } from './batchFraming.js';
import type { Tail } from './batchReader.js';
import { GroupCommit } from './groupCommit.js';
import { type JournalContents, refuseTail, snapshotBytes, writeSnapshot } from './journalFile.js';
import { type EvaluationRecords, JournalState } from './journalRecords.js';

/** Below this size a journal is not worth being written anew. */
const compactAboveBytes = 2 ** 18;
/** It is when it has grown by so much, as a multiple of what it would then be. */
const compactAtGrowth = 4;
/** What it would be is measured again when it has grown by so much. */
const measureAtGrowth = 1.5;

export class Journal {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #state: JournalState;
  readonly #commits = new GroupCommit<JournalRecord>((records) => this.#write(records));
  #file!: FileHandle;
  /** Where the next batch goes: what is before is durable. */
  #end: number;
  /** The number of the last batch that was tried. */
  #number: number;
  /** Below this length, writing it anew isn't considered. */
  #measureAtBytes = compactAboveBytes;
  /** Something that failed may have left bytes behind the end. */
  #isDirty = false;
  /** Another file has taken the journal's name: `#file` is in no folder any more. */
  #isReplaced = false;

  private constructor(disk: Disk, path: string, state: JournalState, end: number, number: number) {
    this.#disk = disk;
    this.#path = path;
    this.#state = state;
    this.#end = end;
    this.#number = number;
  }

  /**
   * @param contents what was read of it; null: there is none yet
   * @throws QuorateError CORRUPT_FILE, STORE_FULL, STORE_FAILED
   */
  static async open(disk: Disk, path: string, contents: JournalContents | null): Promise<Journal> {
    const { state, end, number } = contents ?? { state: new JournalState(), end: 0, number: 0 };
    const journal = new Journal(disk, path, state, end, number);
    await onDisk('open', path, () => (contents ? journal.#begin(contents.tail) : journal.#compact()));
    return journal;
  }

  get nodes(): NodeEntry[] {
    return [...this.#state.nodes.values()];
  }

  get sessions(): SessionEntry[] {
    return [...this.#state.sessions.values()];
  }

  session(id: string): SessionEntry | undefined {
    return this.#state.sessions.get(id);
  }

  get evaluations(): EvaluationRecords {
    return this.#state.evaluations;
  }

  /** Durable when it resolves. @throws QuorateError STORE_FULL, STORE_FAILED; the record is not in the journal then */
  record(record: JournalRecord): Promise<void> {
    return this.#commits.commit(record);
  }

  /** Of a removed session no file is left: the journal need not say that it was removed. */
  forgetRemoved(session: string): void {
    this.#state.removed.delete(session);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#commits.idle();
    await this.#file.close();
  }

  async #begin(tail: Tail | null): Promise<void> {
    if (tail) refuseTail(this.#path, tail);
    this.#file = await this.#disk.files.open(this.#path, 'r+');
    if (tail) await this.#cutTail(tail);
    await this.#compactIfWorthIt();
  }

  async #cutTail({ start, kind, end }: Tail): Promise<void> {
    const size = (await this.#file.stat()).size;
    const isKept = kind === 'hole' && end > start;
    const name = `${basename(this.#path)}-${start}${damagedSuffix}`;
    if (isKept) {
      await createAtomically(this.#disk.files, dirname(this.#path), async (file) => {
        await copyBytes(this.#file, file, start, end);
        return name;
      });
    }
    await this.#cut();
    await this.#file.datasync();
    const what =
      kind === 'torn'
        ? `the last batch, at byte ${start}, is incomplete`
        : `the last batch, at byte ${start}, has a hole, and nothing shows that it was acknowledged`;
    const where = isKept ? `; it was moved to ${name}` : '; it was cut off';
    this.#note(`${what}${where} (${size - start} bytes)`);
  }

  #note(message: string): void {
    this.#disk.note({ file: this.#path, session: null, message });
  }

  async #write(records: readonly JournalRecord[]): Promise<void> {
    const end = await onDisk('write', this.#path, async () => {
      if (this.#isReplaced) await this.#reopen();
      if (this.#isDirty) await this.#cut();
      const bytes = encodeBatch(records, ++this.#number, this.#end);
      try {
        await writeFully(this.#file, bytes, this.#end);
        await this.#file.datasync();
      } catch (error) {
        this.#isDirty = true;
        await this.#cut().catch(() => undefined); // the next write tries it again
        throw error;
      }
      return this.#end + bytes.length;
    });
    this.#end = end;
    for (const record of records) this.#state.apply(record);
    await this.#compactIfWorthIt();
  }

  async #cut(): Promise<void> {
    await this.#file.truncate(this.#end);
    this.#isDirty = false;
  }

  async #compactIfWorthIt(): Promise<void> {
    if (this.#end <= this.#measureAtBytes) return;
    this.#measureAtBytes = this.#end * measureAtGrowth;
    if (this.#end <= snapshotBytes(this.#state) * compactAtGrowth) return;
    // The records are durable in either file: what goes wrong here costs room, or is made up for by the next write.
    await this.#compact().catch(() => undefined);
  }

  async #compact(): Promise<void> {
    const { files } = this.#disk;
    let written = { end: 0, number: 0 };
    const write = async (file: FileHandle): Promise<string> => {
      written = await writeSnapshot(file, this.#state);
      return basename(this.#path);
    };
    await createAtomically(files, dirname(this.#path), write, () => {
      this.#isReplaced = true;
      this.#isDirty = false;
      this.#end = written.end;
      this.#number = written.number;
      this.#measureAtBytes = Math.max(compactAboveBytes, written.end * measureAtGrowth);
    });
    await this.#reopen();
  }

  /** Turns to the file that has the journal's name, durably. */
  async #reopen(): Promise<void> {
    const { files } = this.#disk;
    await syncFolder(files, dirname(this.#path));
    const outdated = this.#file as FileHandle | undefined;
    this.#file = await files.open(this.#path, 'r+');
    this.#isReplaced = false;
    await outdated?.close().catch(() => undefined); // nothing in it is needed
  }
}
