/** A session's folder: `checkpoints/` and `rounds/`. What it holds is what the names in it say. */
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { QuorateError } from '../../errors.js';
import { damagedSuffix, listFolder, makeFolder } from '../../files/atomicFile.js';
import type { StoredSession } from './checkpointFile.js';
import { DiskCheckpoints } from './diskCheckpoints.js';
import { createRound, DiskRound } from './diskRound.js';
import { corruptFile, type Disk, onDisk } from '../../files/files.js';
import { outdatedRound, type Retention } from '../retention.js';
import { requireNewAttempt, unknownRound, unknownUpdate } from '../roundChecks.js';
import {
  type Layout,
  parseRoundName,
  readHeader,
  readTime,
  recordPosition,
  roundFileName,
} from './roundFile.js';
import { isWholeRow, readRecords, readRow, readSealed } from './roundRecovery.js';
import type {
  Checkpoint,
  CheckpointSummary,
  RoundHeader,
  RoundStore,
  SessionStore,
  TimeMark,
} from '../store.js';

interface RoundName {
  readonly round: number;
  readonly attempt: number;
  readonly path: string;
}

export class DiskSession implements SessionStore {
  readonly #disk: Disk;
  readonly #id: string;
  readonly #checkpoints: DiskCheckpoints;
  readonly #roundFolder: string;
  readonly #retention: Retention;
  readonly #open = new Set<DiskRound>();
  /** Files of rounds whose making failed, which may be there: nothing is in them. */
  readonly #halfMade = new Set<string>();
  #proving: Promise<void> = Promise.resolve();

  /** Whether a checkpoint was written since the opening: before, nothing is removed. */
  #hasCommitted = false;

  private constructor(
    disk: Disk,
    id: string,
    folder: string,
    retention: Retention,
    sessionNow: () => StoredSession | null,
  ) {
    this.#disk = disk;
    this.#id = id;
    const checkpoints = join(folder, 'checkpoints');
    this.#checkpoints = new DiskCheckpoints(disk, id, checkpoints, retention, sessionNow);
    this.#roundFolder = join(folder, 'rounds');
    this.#retention = retention;
  }

  /**
   * Removes nothing that is whole: what is no longer kept is removed when a round commits.
   *
   * @param sessionNow the session as the journal has it
   * @throws QuorateError STORE_FULL, STORE_FAILED
   */
  static async open(
    disk: Disk,
    id: string,
    folder: string,
    retention: Retention,
    sessionNow: () => StoredSession | null,
  ): Promise<DiskSession> {
    const session = new DiskSession(disk, id, folder, retention, sessionNow);
    await onDisk('open', folder, () => session.#load());
    session.#proving = session.#prove().catch(() => undefined); // a read reports it
    return session;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    await this.#checkpoints.write(checkpoint);
    this.#hasCommitted = true;
    await this.#forgetRounds().catch(() => undefined); // tried again after the next one
  }

  checkpoints(): Promise<readonly CheckpointSummary[]> {
    return this.#checkpoints.list();
  }

  readCheckpoint(round?: number): Promise<Checkpoint> {
    return this.#checkpoints.read(round);
  }

  async openRound(header: RoundHeader, readTime: () => TimeMark): Promise<RoundStore> {
    const path = join(this.#roundFolder, roundFileName(header));
    const exists = (await this.#roundNames()).some((name) => name.path === path);
    requireNewAttempt(header, exists && !this.#halfMade.has(path));
    try {
      const onEnd = (ended: DiskRound): Promise<void> => this.#ended(ended);
      const round = await createRound(this.#disk.files, path, header, readTime, onEnd);
      this.#halfMade.delete(path);
      this.#open.add(round);
      return round;
    } catch (error) {
      this.#halfMade.add(path);
      throw error;
    }
  }

  async recoverRound(d?: number): Promise<RoundStore | null> {
    const next = this.#committed + 1;
    let recovered: DiskRound | null = null;
    for (const name of (await this.#roundNames()).reverse()) {
      if (name.round < next) break;
      if (name.round > next) await this.#setAside(name, 'it belongs to a model that is not here');
      else if (recovered)
        await this.#remove(name); // an earlier attempt
      else recovered = await this.#recover(name, d);
    }
    return recovered;
  }

  async readUpdate(round: number, node: string): ReturnType<SessionStore['readUpdate']> {
    const name = (await this.#roundNames()).findLast((other) => other.round === round);
    if (!name || round > this.#committed) throw unknownRound(round);
    return this.#reading(name.path, async (file) => {
      const { layout, updates, nodes } = await readSealed(file, name.path);
      if (!nodes.includes(node)) throw unknownUpdate(round, node);
      const stored = updates.get(node);
      if (!stored || !(await isWholeRow(file, layout, stored))) {
        throw corruptFile(name.path, `the update of node '${node}' is damaged`);
      }
      return { update: stored.update, bytes: this.#readRowOf(name.path, layout, stored.slot) };
    });
  }

  /** Ends what is open. */
  async close(): Promise<void> {
    await this.#proving;
    await Promise.all(Array.from(this.#open, (round) => round.close()));
  }

  get #committed(): number {
    return this.#checkpoints.rounds.at(-1) ?? 0;
  }

  async #load(): Promise<void> {
    await makeFolder(this.#disk.files, this.#roundFolder);
    await listFolder(this.#disk.files, this.#roundFolder);
    await this.#checkpoints.load();
  }

  /**
   * Looks at what is kept and not needed to continue, so that damage is reported before it is read: checkpoints,
   * and of committed rounds all but the rows, each of which is proved when it is read.
   */
  async #prove(): Promise<void> {
    await this.#checkpoints.list();
    const newest = new Map((await this.#roundNames()).map((name) => [name.round, name]));
    for (const { round, path } of newest.values()) {
      if (round > this.#committed) continue;
      try {
        const { nodes, updates } = await this.#reading(path, (file) => readSealed(file, path));
        const lost = nodes.filter((node) => !updates.has(node));
        if (lost.length > 0) this.#note(path, `the records of ${lost.join(', ')} are damaged`);
      } catch (error) {
        if (error instanceof QuorateError && error.code === 'CORRUPT_FILE') this.#note(path, error.message);
      }
    }
  }

  /** Removes what is kept no longer. */
  async #forgetRounds(): Promise<void> {
    const committed = this.#committed;
    for (const name of await this.#roundNames()) {
      const isOpen = [...this.#open].some(({ path }) => path === name.path);
      if (!isOpen && outdatedRound(name.round, committed, this.#retention)) await this.#remove(name);
    }
  }

  /** By round, then by attempt. */
  async #roundNames(): Promise<RoundName[]> {
    const names = await onDisk('list', this.#roundFolder, () => this.#disk.files.readdir(this.#roundFolder));
    return names
      .flatMap((name) => {
        const parts = parseRoundName(name);
        return parts ? [{ ...parts, path: join(this.#roundFolder, name) }] : [];
      })
      .sort((a, b) => a.round - b.round || a.attempt - b.attempt);
  }

  async #recover(name: RoundName, d: number | undefined): Promise<DiskRound | null> {
    const { files } = this.#disk;
    const file = await onDisk('open', name.path, () => files.open(name.path, 'r+'));
    try {
      const { size } = await file.stat();
      const found = await readHeader(file, size);
      const isOwn = found?.header.round === name.round && found.header.attempt === name.attempt;
      if (!isOwn || found.header.d !== (d ?? found.header.d)) {
        await file.close();
        await this.#setAside(name, isOwn ? 'its updates are not of this model' : 'its header is damaged');
        return null;
      }
      const { header, layout } = found;
      const records = await readRecords(file, layout, size);
      for (const slot of records.damaged) this.#note(name.path, `slot ${slot}: its record is damaged`);
      const updates = new Map(records.updates);
      for (const [node, stored] of records.updates) {
        if (await isWholeRow(file, layout, stored)) continue;
        updates.delete(node);
        this.#note(name.path, `slot ${stored.slot}: the update of node '${node}' is torn or damaged`);
      }
      const { seal, empty, slots, nextSequence } = records;
      const isSealed = seal?.nodes.every((node) => updates.has(node)) ?? false;
      if (seal && !isSealed) {
        this.#note(name.path, 'an update that it was sealed with is damaged; the round is open again');
        await file.truncate(recordPosition(layout, seal.slot));
        await file.datasync();
      }
      const sealed = isSealed ? seal!.nodes : null;
      const time = await readTime(file, found, size);
      const contents = { header, layout, updates, sealed, empty, slots, nextSequence, time };
      const round = new DiskRound(files, name.path, file, contents, (ended) => this.#ended(ended));
      this.#open.add(round);
      return round;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #reading<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
    return onDisk('read', path, async () => {
      const file = await this.#disk.files.open(path, 'r');
      try {
        return await work(file);
      } finally {
        await file.close();
      }
    });
  }

  /** Opens the file when the first piece is asked for, so that nothing stays open if none is. */
  async *#readRowOf(path: string, layout: Layout, slot: number): AsyncGenerator<Uint8Array> {
    const file = await onDisk('open', path, () => this.#disk.files.open(path, 'r'));
    try {
      yield* readRow(file, layout, slot);
    } finally {
      await file.close();
    }
  }

  async #ended(round: DiskRound): Promise<void> {
    this.#open.delete(round);
    // Tried again after the next checkpoint.
    if (this.#hasCommitted) await this.#forgetRounds().catch(() => undefined);
  }

  async #remove({ path }: RoundName): Promise<void> {
    await onDisk('remove', path, () => this.#disk.files.rm(path, { force: true }));
  }

  async #setAside({ path }: RoundName, why: string): Promise<void> {
    await onDisk('rename', path, () => this.#disk.files.rename(path, path + damagedSuffix));
    this.#note(path, `${why}; it was moved aside`);
  }

  #note(file: string, message: string): void {
    this.#disk.note({ file, session: this.#id, message });
  }
}
