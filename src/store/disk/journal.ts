/**
 * Nodes, sessions, and evaluations of the newest models: a file of records (records.ts), the first of which says what
 * the file is. A later record of a node or session replaces an earlier one; when the outdated ones are most of the file,
 * it is written anew.
 *
 * An incomplete record at the end, as a crash leaves it, was never acknowledged and is cut off. A damaged one there is
 * cut off too, and kept beside the journal. Both are reported. A damaged one with others behind it fails the opening: the others may
 * depend on it.
 */
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { createAtomically, damagedSuffix, syncFolder } from '../../files/atomicFile.js';
import { corruptFile, type Disk, onDisk, writeFully } from '../../files/files.js';
import { evaluationSchema } from '../../protocol/views.js';
import type {
  CountedEvaluations,
  EvaluationRecord,
  JournalRecord,
  NodeEntry,
  SessionEntry,
  StoredEvaluations,
} from '../store.js';
import { statusSchema } from './checkpointMetadata.js';
import { GroupCommit } from './groupCommit.js';
import { decodeRecords, encodeRecord } from './recordFraming.js';

const opening = { format: 'quorate-journal', version: 1 };

/** Below this size a journal is not worth being written anew. */
const compactAboveBytes = 2 ** 18;
/** It is when it has grown by so much, as a multiple of what it would then be. */
const compactAtGrowth = 4;

export class Journal {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #sessions = new Map<string, SessionEntry>();
  readonly evaluations = new EvaluationRecords();
  readonly #commits = new GroupCommit<JournalRecord>((records) => this.#write(records));
  #file!: FileHandle;
  /** Where the next record goes: what is before is durable. */
  #end = 0;
  #compactBytes = 0;
  /** Something that failed may have left bytes behind the end. */
  #isDirty = false;
  /** Another file has taken the journal's name: `#file` is in no folder any more. */
  #isReplaced = false;

  private constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  /** @throws QuorateError CORRUPT_FILE, STORE_FULL, STORE_FAILED */
  static async open(disk: Disk, path: string): Promise<Journal> {
    const journal = new Journal(disk, path);
    await onDisk('read', path, () => journal.#load());
    return journal;
  }

  get nodes(): NodeEntry[] {
    return [...this.#nodes.values()];
  }

  get sessions(): SessionEntry[] {
    return [...this.#sessions.values()];
  }

  /** Durable when it resolves. @throws QuorateError STORE_FULL, STORE_FAILED; the record is not in the journal then */
  record(record: JournalRecord): Promise<void> {
    return this.#commits.commit(record);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#commits.idle();
    await this.#file.close();
  }

  async #load(): Promise<void> {
    const bytes = await this.#disk.files.readFile(this.#path).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
    if (!bytes) return this.#compact();

    const { values, end, rest } = decodeRecords(bytes);
    const [first, ...records] = values;
    if (JSON.stringify(first) !== JSON.stringify(opening)) {
      throw corruptFile(this.#path, 'this is no journal that can be read here', 0);
    }
    if (rest === 'damaged-inside') throw corruptFile(this.#path, 'a record is damaged', end);
    if (rest === 'damaged') await this.#setAside(bytes.subarray(end), end);
    if (rest === 'torn') this.#note(`the last record, at byte ${end}, is incomplete; it was cut off`);
    for (const record of records) this.#apply(this.#checked(record));
    this.#file = await this.#disk.files.open(this.#path, 'r+');
    this.#end = end;
    if (rest !== 'nothing') await this.#cut();
    this.#compactBytes = this.#snapshot().length;
    await this.#compactIfWorthIt();
  }

  #checked(record: unknown): JournalRecord {
    const { data, error } = journalRecordSchema.safeParse(record);
    if (data) return data;
    throw corruptFile(this.#path, `a record says what none may: ${z.prettifyError(error)}`);
  }

  async #setAside(tail: Uint8Array, offset: number): Promise<void> {
    const name = `${basename(this.#path)}-${offset}${damagedSuffix}`;
    await createAtomically(this.#disk.files, dirname(this.#path), async (file) => {
      await writeFully(file, tail, 0);
      return name;
    });
    this.#note(`the last record, at byte ${offset}, is damaged; it was moved to ${name}`);
  }

  #note(message: string): void {
    this.#disk.note({ file: this.#path, session: null, message });
  }

  async #write(records: readonly JournalRecord[]): Promise<void> {
    const bytes = Buffer.concat(records.map(encodeRecord));
    await onDisk('write', this.#path, async () => {
      if (this.#isReplaced) await this.#reopen();
      if (this.#isDirty) await this.#cut();
      try {
        await writeFully(this.#file, bytes, this.#end);
        await this.#file.datasync();
      } catch (error) {
        this.#isDirty = true;
        await this.#cut().catch(() => undefined); // the next write tries it again
        throw error;
      }
    });
    this.#end += bytes.length;
    for (const record of records) this.#apply(record);
    await this.#compactIfWorthIt();
  }

  async #cut(): Promise<void> {
    await this.#file.truncate(this.#end);
    this.#isDirty = false;
  }

  #apply(record: JournalRecord): void {
    switch (record.type) {
      case 'node':
        this.#nodes.set(record.node.id, record.node);
        break;
      case 'node-removed':
        this.#nodes.delete(record.id);
        break;
      case 'session':
        this.#sessions.set(record.session.id, record.session);
        break;
      case 'session-removed':
        this.#sessions.delete(record.id);
        this.evaluations.forget(record.id);
        break;
      case 'evaluation':
      case 'evaluations-counted':
        this.evaluations.apply(record);
    }
  }

  #snapshot(): Buffer {
    return Buffer.concat([
      encodeRecord(opening),
      ...this.nodes.map((node) => encodeRecord({ type: 'node', node })),
      ...this.sessions.map((session) => encodeRecord({ type: 'session', session })),
      ...[...this.evaluations.records()].map(encodeRecord),
    ]);
  }

  async #compactIfWorthIt(): Promise<void> {
    if (this.#end <= Math.max(compactAboveBytes, this.#compactBytes * compactAtGrowth)) return;
    // The records are durable in either file: what goes wrong here costs room, or is made up for by the next write.
    await this.#compact().catch(() => (this.#compactBytes = this.#end));
  }

  async #compact(): Promise<void> {
    const { files } = this.#disk;
    const bytes = this.#snapshot();
    const write = async (file: FileHandle): Promise<string> => {
      await writeFully(file, bytes, 0);
      return basename(this.#path);
    };
    await createAtomically(files, dirname(this.#path), write, () => {
      this.#isReplaced = true;
      this.#isDirty = false;
      this.#end = bytes.length;
      this.#compactBytes = bytes.length;
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

/** What a journal's record may say. Checksums reveal damage; this reveals a file that was made by hand. */
const id = z.string();
const of = { session: id, round: z.int().min(0) };

const nodeSchema: z.ZodType<NodeEntry> = z.strictObject({
  id,
  tokenHash: z.string().nullable(),
  publicKey: z.string().nullable(),
  capabilities: z.record(z.string(), z.unknown()),
  sessions: z.array(id),
  registeredAtMs: z.number(),
});

const sessionSchema: z.ZodType<SessionEntry> = z.strictObject({
  id,
  config: z.unknown(), // the coordinator checks it
  createdAtMs: z.number(),
  status: statusSchema,
  reason: z.string().nullable(),
  secret: z.string().exactOptional(),
});

export const journalRecordSchema: z.ZodType<JournalRecord> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('node'), node: nodeSchema }),
  z.strictObject({ type: z.literal('node-removed'), id }),
  z.strictObject({ type: z.literal('session'), session: sessionSchema }),
  z.strictObject({ type: z.literal('session-removed'), id }),
  z.strictObject({ type: z.literal('evaluation'), ...of, node: id, evaluation: evaluationSchema }),
  z.strictObject({
    type: z.literal('evaluations-counted'),
    ...of,
    nodes: z.array(id),
    eventsBefore: z.int().min(0),
  }),
]);

/** What the journal holds of nodes' evaluations: those of each session's newest model, which no checkpoint has yet. */
interface Held {
  readonly round: number;
  readonly answers: Map<string, StoredEvaluations['answers'][number]>;
  counted: CountedEvaluations | null;
}

export class EvaluationRecords {
  readonly #held = new Map<string, Held>();

  of(session: string): StoredEvaluations | null {
    const held = this.#held.get(session);
    return held ? { ...held, answers: [...held.answers.values()] } : null;
  }

  /** A record of another round begins anew; of two by the same node, the first counts. */
  apply(record: EvaluationRecord): void {
    const { session, round } = record;
    const known = this.#held.get(session);
    const held: Held = known?.round === round ? known : { round, answers: new Map(), counted: null };
    this.#held.set(session, held);
    if (record.type === 'evaluations-counted') {
      held.counted ??= { nodes: record.nodes, eventsBefore: record.eventsBefore };
    } else if (!held.answers.has(record.node)) {
      held.answers.set(record.node, { node: record.node, evaluation: record.evaluation });
    }
  }

  forget(session: string): void {
    this.#held.delete(session);
  }

  /** What leads to the same again. */
  *records(): Generator<EvaluationRecord> {
    for (const [session, { round, answers, counted }] of this.#held) {
      for (const answer of answers.values()) yield { type: 'evaluation', session, round, ...answer };
      if (counted) yield { type: 'evaluations-counted', session, round, ...counted };
    }
  }
}
