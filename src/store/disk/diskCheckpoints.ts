/** The folder `checkpoints/` of a session: what its files' names say, and which of them are kept. */
import { join } from 'node:path';
import { QuorateError } from '../../errors.js';
import { listFolder, makeFolder } from '../../files/atomicFile.js';
import {
  type CheckpointFileSummary,
  type CheckpointName,
  parseCheckpointName,
  readCheckpointFile,
  summarizeCheckpointFile,
  type StoredSession,
  writeCheckpointFile,
} from './checkpointFile.js';
import type { Disk } from '../../files/files.js';
import { outdatedCheckpoints, type Retention } from '../retention.js';
import { newestRound, unknownRound } from '../roundChecks.js';
import type { Checkpoint, CheckpointSummary } from '../store.js';

export class DiskCheckpoints {
  readonly #disk: Disk;
  readonly #session: string;
  readonly #folder: string;
  readonly #retention: Retention;
  /** By round. */
  readonly #names = new Map<number, CheckpointName>();
  readonly #summaries = new Map<string, Promise<CheckpointFileSummary | null>>();
  /** Files that were replaced and could not be removed yet. */
  readonly #replaced = new Set<CheckpointName>();
  readonly #sessionNow: () => StoredSession | null;

  /** @param sessionNow the session as the journal has it */
  constructor(
    disk: Disk,
    session: string,
    folder: string,
    retention: Retention,
    sessionNow: () => StoredSession | null,
  ) {
    this.#sessionNow = sessionNow;
    this.#disk = disk;
    this.#session = session;
    this.#folder = folder;
    this.#retention = retention;
  }

  /** Ascending. */
  get rounds(): number[] {
    return [...this.#names.keys()].sort((a, b) => a - b);
  }

  /** To be called once, before anything else. Files that are no longer kept are removed by the next write only. */
  async load(): Promise<void> {
    await makeFolder(this.#disk.files, this.#folder);
    for (const name of await listFolder(this.#disk.files, this.#folder)) {
      const checkpoint = parseCheckpointName(name);
      if (!checkpoint) continue;
      const other = this.#names.get(checkpoint.round);
      if (other) await this.#keepNewer(other, checkpoint);
      else this.#names.set(checkpoint.round, checkpoint);
    }
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    const replaced = this.#names.get(checkpoint.round);
    const earlier = replaced ? await this.#summary(replaced) : null; // a damaged one is not preferred anyway
    const origin = { session: this.#sessionNow(), revision: (earlier?.revision ?? 0) + 1 };
    const { name, summary } = await writeCheckpointFile(this.#disk.files, this.#folder, checkpoint, origin);
    this.#names.set(checkpoint.round, name);
    this.#summaries.set(name.name, Promise.resolve(summary));
    // The commit is done. What can't be removed now is removed after the next one.
    if (replaced && replaced.name !== name.name) this.#replaced.add(replaced);
    for (const other of this.#replaced) await this.#removeReplaced(other).catch(() => undefined);
    await this.#forget().catch(() => undefined);
  }

  /** Those that are whole, ascending by round. */
  async list(): Promise<readonly CheckpointSummary[]> {
    const summaries: CheckpointSummary[] = [];
    for (const checkpoint of this.rounds.map((round) => this.#names.get(round)!)) {
      const summary = await this.#unlessForgotten(checkpoint, () => this.#summary(checkpoint));
      if (!summary) continue;
      const { round, createdAtMs, sizeBytes, modelDigest } = summary;
      summaries.push({ round, createdAtMs, sizeBytes, modelDigest });
    }
    return summaries;
  }

  /** @throws QuorateError UNKNOWN_ROUND, CORRUPT_FILE, STORE_FAILED */
  async read(round?: number): Promise<Checkpoint> {
    const wanted = round ?? newestRound(this.rounds);
    const name = this.#names.get(wanted);
    if (!name) throw unknownRound(wanted);
    const checkpoint = await this.#unlessForgotten(name, () =>
      readCheckpointFile(this.#disk.files, this.#folder, name),
    );
    if (!checkpoint) throw unknownRound(wanted);
    return checkpoint;
  }

  /** Two of one round: the process ended before it removed the one that was replaced. */
  async #keepNewer(one: CheckpointName, other: CheckpointName): Promise<void> {
    const [a, b] = [await this.#summary(one), await this.#summary(other)];
    // A damaged one can't say: going back to the other is for people to decide.
    if (!a || !b) return void this.#names.set(one.round, a ? other : one);
    const [newer, older] = a.revision > b.revision ? [one, other] : [other, one];
    this.#names.set(newer.round, newer);
    this.#replaced.add(older);
  }

  /** Null for a damaged file, which is noted once. */
  #summary(checkpoint: CheckpointName): Promise<CheckpointFileSummary | null> {
    const { name } = checkpoint;
    const known = this.#summaries.get(name);
    if (known) return known;
    const reading = summarizeCheckpointFile(this.#disk.files, this.#folder, checkpoint).catch(
      (error: unknown) => {
        if (error instanceof QuorateError && error.code === 'CORRUPT_FILE') {
          this.#disk.note({
            file: join(this.#folder, name),
            session: this.#session,
            message: error.message,
          });
          return null;
        }
        this.#summaries.delete(name);
        throw error;
      },
    );
    this.#summaries.set(name, reading);
    return reading;
  }

  /** Null where it is removed meanwhile: commits go on while somebody reads. */
  async #unlessForgotten<T>(checkpoint: CheckpointName, read: () => Promise<T>): Promise<T | null> {
    const isKept = (): boolean => this.#names.get(checkpoint.round) === checkpoint;
    if (!isKept()) return null;
    try {
      return await read();
    } catch (error) {
      if (isKept()) throw error;
      return null;
    }
  }

  /** Removes what is kept no longer. */
  async #forget(): Promise<void> {
    for (const round of outdatedCheckpoints(this.rounds, this.#retention)) {
      const outdated = this.#names.get(round)!;
      this.#names.delete(round); // first, so that a reader knows why it is gone
      try {
        await this.#remove(outdated);
      } catch (error) {
        this.#names.set(round, outdated);
        throw error;
      }
    }
  }

  async #removeReplaced(checkpoint: CheckpointName): Promise<void> {
    await this.#remove(checkpoint);
    this.#replaced.delete(checkpoint);
  }

  async #remove({ name }: CheckpointName): Promise<void> {
    await this.#disk.files.rm(join(this.#folder, name), { force: true });
    this.#summaries.delete(name);
  }
}
