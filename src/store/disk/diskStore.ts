/**
 * A store on disk. What is acknowledged is durable, and a folder opens again however the process ended.
 *
 *   lock                              one process a folder
 *   journal                           nodes, sessions, evaluations of the newest models
 *   events/                           segments of the event log
 *   sessions/<id>/checkpoints/        000000007-<SHA-256>.safetensors
 *   sessions/<id>/rounds/             000000008-0001.round
 *   set-aside/<id>-1/                 what was found of a session that the journal does not know
 *
 * `*.tmp` is what a crash interrupted and is removed at the opening; `*.damaged` was set aside; other files are ignored.
 */
import * as nodeFiles from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { QuorateError } from '../../errors.js';
import { listFolder, makeFolder, syncFolder, temporarySuffix } from '../../files/atomicFile.js';
import { DiskSession } from './diskSession.js';
import { checkModes } from './folderModes.js';
import { DiskEventLog } from './eventLog.js';
import { type Disk, type Files, onDisk } from '../../files/files.js';
import { Journal } from './journal.js';
import { setFolderAside, setOrphansAside } from './orphans.js';
import { readProvenJournal } from './provenJournal.js';
import { folderName, readSessionFolders } from './sessionFolders.js';
import { lockFolder } from '../../files/folderLock.js';
import { parseRetention, type Retention, type RetentionOptions } from '../retention.js';
import type {
  Damage,
  EventLog,
  JournalRecord,
  NodeEntry,
  SessionEntry,
  SessionStore,
  Store,
  StoredEvaluations,
} from '../store.js';

/** Options of `openDiskStore`. */
export interface DiskStoreOptions extends RetentionOptions {
  /** Created if it does not exist; belongs to the store. */
  readonly folder: string;
  /** Called with each damage that is found, at the opening and later; `damages` lists them too. */
  readonly onDamage?: (damage: Damage) => void;
  /** Called with what people should change: that the group may write to the folder, for one. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Opens a store on disk, or creates it.
 *
 * @throws QuorateError STORE_LOCKED, INSECURE_FOLDER if everyone may write to the folder, CORRUPT_FILE for a damaged or missing journal, STORE_FULL, STORE_FAILED; UNKNOWN_PARAMETER,
 *   INVALID_PARAMETER
 * @example
 * const store = await openDiskStore({ folder: 'data' });
 */
export function openDiskStore(options: DiskStoreOptions): Promise<Store> {
  return openDiskStoreOn(nodeFiles, options);
}

/** The same on other files: for tests of what happens when the disk fails. */
export async function openDiskStoreOn(files: Files, options: DiskStoreOptions): Promise<Store> {
  const { folder, onDamage = () => undefined, onWarning = () => undefined, ...others } = options;
  const retention = parseRetention('openDiskStore', others);
  if (typeof folder !== 'string' || folder === '') {
    throw new QuorateError('INVALID_PARAMETER', 'openDiskStore: folder must be a path', {
      parameter: 'folder',
    });
  }
  if (endianness() !== 'LE') {
    throw new QuorateError('STORE_FAILED', 'the store keeps float32 as little-endian hosts have them');
  }
  await onDisk('read', folder, () => checkModes(files, folder, onWarning));
  await onDisk('make', folder, () => makeFolder(files, join(folder, 'sessions')));
  const unlock = await lockFolder(files, join(folder, 'lock'));
  try {
    return await DiskStore.open(files, folder, retention, { unlock, onDamage });
  } catch (error) {
    await unlock().catch(() => undefined); // why it is not open says more
    throw error;
  }
}

class DiskStore implements Store {
  readonly kind = 'disk';
  readonly nodes: readonly NodeEntry[];
  readonly sessions: readonly SessionEntry[];
  readonly damages: readonly Damage[];
  readonly events: EventLog;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #retention: Retention;
  readonly #journal: Journal;
  readonly #log: DiskEventLog;
  readonly #unlock: () => Promise<void>;
  readonly #opened = new Map<string, Promise<DiskSession>>();
  #closing: Promise<void> | null = null;

  private constructor(
    disk: Disk,
    folder: string,
    retention: Retention,
    parts: { journal: Journal; log: DiskEventLog; damages: Damage[]; unlock: () => Promise<void> },
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.#retention = retention;
    this.#journal = parts.journal;
    this.#log = parts.log;
    this.#unlock = parts.unlock;
    this.events = parts.log;
    this.damages = parts.damages;
    this.nodes = parts.journal.nodes;
    this.sessions = parts.journal.sessions;
  }

  static async open(
    files: Files,
    folder: string,
    retention: Retention,
    { unlock, onDamage }: { unlock: () => Promise<void>; onDamage: (damage: Damage) => void },
  ): Promise<DiskStore> {
    const damages: Damage[] = [];
    const note = (damage: Damage): void => {
      damages.push(damage);
      onDamage(damage);
    };
    const disk: Disk = { files, note };
    const path = join(folder, 'journal');
    // Nothing is changed before it is clear that the folder can be opened.
    const contents = await onDisk('read', folder, () => readProvenJournal(files, folder, path));
    await listFolder(files, folder);
    await listFolder(files, join(folder, 'sessions'));
    const log = await DiskEventLog.open(disk, join(folder, 'events'), retention.keepEvents);
    const journal = await Journal.open(disk, path, contents);
    await onDisk('set aside', folder, () => setOrphansAside(disk, folder, journal));
    return new DiskStore(disk, folder, retention, { journal, log, damages, unlock });
  }

  evaluations(session: string): StoredEvaluations | null {
    return this.#journal.evaluations.of(session);
  }

  async record(record: JournalRecord): Promise<void> {
    this.#requireOpen();
    await this.#journal.record(record);
  }

  async session(id: string): Promise<SessionStore> {
    this.#requireOpen();
    const opened = this.#opened.get(id) ?? this.#openSession(id);
    this.#opened.set(id, opened);
    return opened.catch((error: unknown) => {
      this.#opened.delete(id);
      throw error;
    });
  }

  #openSession(id: string): Promise<DiskSession> {
    return DiskSession.open(this.#disk, id, this.#sessionFolder(id), this.#retention, () => {
      const entry = this.#journal.session(id);
      return entry ? { id, config: entry.config, createdAtMs: entry.createdAtMs } : null;
    });
  }

  async setAside(id: string): Promise<void> {
    this.#requireOpen();
    await this.#closeSession(id);
    await onDisk('set aside', this.#sessionFolder(id), async () => {
      const found = await readSessionFolders(this.#disk.files, this.#folder);
      const own = found.find((other) => other.id === id);
      if (own?.isFilled) await setFolderAside(this.#disk, this.#folder, own);
    });
  }

  async removeSession(id: string): Promise<void> {
    this.#requireOpen();
    await this.#closeSession(id);
    const { files } = this.#disk;
    const folder = this.#sessionFolder(id);
    const removed = `${folder}${temporarySuffix}`; // at once, as far as any later opening sees
    await onDisk('remove', folder, async () => {
      const names = await files.readdir(join(this.#folder, 'sessions'));
      if (!names.includes(folderName(id))) return;
      await files.rename(folder, removed);
      await syncFolder(files, join(this.#folder, 'sessions'));
      this.#journal.forgetRemoved(id);
      await files.rm(removed, { recursive: true, force: true });
    });
  }

  async #closeSession(id: string): Promise<void> {
    const opened = this.#opened.get(id);
    this.#opened.delete(id);
    await (await opened)?.close();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const sessions = await Promise.allSettled(this.#opened.values());
    const ends = await Promise.allSettled([
      ...sessions.map((session) => (session.status === 'fulfilled' ? session.value.close() : undefined)),
      this.#journal.close(),
      Promise.resolve().then(() => this.#log.close()),
    ]);
    await this.#unlock();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  #requireOpen(): void {
    if (this.#closing) throw new QuorateError('STORE_FAILED', `the store in ${this.#folder} is closed`);
  }

  #sessionFolder(id: string): string {
    return join(this.#folder, 'sessions', folderName(id));
  }
}
