/** A round on disk: its slots while they are filled, what is durable, and the rows as aggregation reads them. */
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { RowSource } from '../../core/source.js';
import { createAtomically, syncFolder } from '../../files/atomicFile.js';
import { bytesOf, type Files, onDisk, readFully, storeError, writeFully } from '../../files/files.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import { nodesToSeal, requireNoOther, roundClosed, unknownUpdate } from '../roundChecks.js';
import type { RoundHeader, RoundStore, Slot, TimeMark } from '../store.js';
import { DiskSlot, type SlotHost } from './diskSlot.js';
import { GroupCommit } from './groupCommit.js';
import {
  emptyHead,
  encodeHeader,
  encodeSeal,
  encodeTime,
  type Layout,
  recordPosition,
  rowPosition,
  timePosition,
} from './roundFile.js';
import { readRow } from './roundRecovery.js';

/** A row that is durable. */
export interface Placed {
  readonly update: AcceptedUpdate;
  readonly slot: number;
}

/** What an open file holds. */
export interface RoundContents {
  readonly header: RoundHeader;
  readonly layout: Layout;
  readonly updates: Map<string, Placed>;
  readonly sealed: readonly string[] | null;
  readonly empty: number[];
  readonly slots: number;
  readonly nextSequence: number;
  readonly time: { readonly mark: TimeMark; readonly sequence: number };
}

/** @throws QuorateError STORE_FULL, STORE_FAILED */
export async function createRound(
  files: Files,
  path: string,
  header: RoundHeader,
  readTime: () => TimeMark,
  onEnd: (round: DiskRound) => Promise<void>,
): Promise<DiskRound> {
  const { bytes, layout } = encodeHeader(header);
  const mark = { elapsedMs: 0, wallMs: header.openedAtMs };
  await createAtomically(files, dirname(path), async (file) => {
    await writeFully(file, bytes, 0);
    // Both pages exist from the beginning: a full disk has room for them later.
    for (const sequence of [0, 1]) {
      await writeFully(file, encodeTime(mark, sequence), timePosition(layout, sequence));
    }
    return basename(path);
  });
  const file = await onDisk('open', path, () => files.open(path, 'r+'));
  const time = { mark, sequence: 1 };
  const contents = {
    header,
    layout,
    updates: new Map(),
    sealed: null,
    empty: [],
    slots: 0,
    nextSequence: 0,
    time,
  };
  return new DiskRound(files, path, file, contents, onEnd, readTime);
}

export class DiskRound implements RoundStore {
  readonly path: string;
  readonly header: RoundHeader;
  readonly #files: Files;
  readonly #layout: Layout;
  readonly #file: FileHandle;
  readonly #onEnd: (round: DiskRound) => Promise<void>;
  readonly #placed: Map<string, Placed>;
  /** Nodes whose update is being made durable. */
  readonly #claimed = new Set<string>();
  readonly #open = new Set<DiskSlot>();
  readonly #empty: number[];
  readonly #commits = new GroupCommit<null>(() => this.#sync());
  readonly #host: SlotHost;
  #sealed: readonly string[] | null;
  #slots: number;
  #sequence: number;
  #failures = 0;
  #time: RoundContents['time'];
  /** Null until the coordinator counts the round's time again, after a restart. */
  #readTime: (() => TimeMark) | null;
  #ended: Promise<void> | null = null;

  constructor(
    files: Files,
    path: string,
    file: FileHandle,
    contents: RoundContents,
    onEnd: (round: DiskRound) => Promise<void>,
    readTime: (() => TimeMark) | null = null,
  ) {
    this.path = path;
    this.header = contents.header;
    this.#files = files;
    this.#layout = contents.layout;
    this.#file = file;
    this.#onEnd = onEnd;
    this.#placed = contents.updates;
    this.#sealed = contents.sealed;
    this.#empty = contents.empty;
    this.#slots = contents.slots;
    this.#sequence = contents.nextSequence;
    this.#time = contents.time;
    this.#readTime = readTime;
    this.#host = this.#makeHost();
  }

  get updates(): readonly AcceptedUpdate[] {
    return Array.from(this.#placed.values(), ({ update }) => update);
  }

  get sealed(): readonly string[] | null {
    return this.#sealed;
  }

  get time(): TimeMark {
    return this.#time.mark;
  }

  async keepTime(read: () => TimeMark): Promise<void> {
    if (this.#ended) throw roundClosed(this.header);
    this.#readTime = read;
    await onDisk('write', this.path, () => this.#commits.commit(null));
  }

  async reserve(_node: string, isDigested = false): Promise<Slot> {
    if (this.#ended || this.#sealed) throw roundClosed(this.header);
    const slot = new DiskSlot(this.#host, this.#empty.pop() ?? this.#slots++, isDigested);
    this.#open.add(slot);
    return slot;
  }

  async seal(nodes: readonly string[]): Promise<void> {
    if (this.#ended) throw roundClosed(this.header);
    const sorted = nodesToSeal(this.header, nodes, this.#sealed, (node) => this.#placed.has(node));
    if (!sorted) return;
    this.#sealed = sorted; // from here on no slot is reserved, so the seal is behind all of them
    const position = recordPosition(this.#layout, this.#slots);
    const failures = this.#failures;
    try {
      await writeFully(this.#file, encodeSeal(sorted, this.#sequence++), position);
      await this.#commits.commit(null);
      if (this.#failures !== failures) throw new Error('an fdatasync failed meanwhile');
    } catch (error) {
      await this.#file.truncate(position).catch(() => undefined); // no half seal where a slot will be
      this.#sealed = null;
      throw storeError(error, 'seal', this.path);
    }
  }

  rows(nodes: readonly string[]): RowSource {
    const slots = nodes.map((node) => this.#find(node).slot);
    return {
      n: slots.length,
      d: this.header.d,
      read: (row, column, into) =>
        readFully(this.#file, bytesOf(into), rowPosition(this.#layout, slots[row]!) + column * 4),
    };
  }

  read(node: string): AsyncIterable<Uint8Array> {
    return readRow(this.#file, this.#layout, this.#find(node).slot);
  }

  close(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  async discard(): Promise<void> {
    await this.close();
    await onDisk('remove', this.path, async () => {
      await this.#files.rm(this.path, { force: true });
      await syncFolder(this.#files, dirname(this.path));
    });
  }

  async #end(): Promise<void> {
    await Promise.all(Array.from(this.#open, (slot) => slot.abort()));
    await this.#commits.idle();
    await onDisk('close', this.path, () => this.#file.close());
    await this.#onEnd(this);
  }

  async #sync(): Promise<void> {
    const time = this.#readTime && { mark: this.#readTime(), sequence: this.#time.sequence + 1 };
    if (time) {
      const position = timePosition(this.#layout, time.sequence);
      await writeFully(this.#file, encodeTime(time.mark, time.sequence), position);
    }
    try {
      await this.#file.datasync();
    } catch (error) {
      this.#failures++;
      throw error;
    }
    this.#time = time ?? this.#time;
  }

  #find(node: string): Placed {
    const placed = this.#placed.get(node);
    if (!placed) throw unknownUpdate(this.header.round, node);
    return placed;
  }

  #makeHost(): SlotHost {
    const failures = (): number => this.#failures;
    return {
      header: this.header,
      layout: this.#layout,
      file: this.#file,
      path: this.path,
      get failures() {
        return failures();
      },
      nextSequence: () => this.#sequence++,
      claim: (node) => {
        if (this.#ended) throw roundClosed(this.header);
        requireNoOther(this.header, node, this.#placed.has(node) || this.#claimed.has(node));
        this.#claimed.add(node);
      },
      release: (node) => void this.#claimed.delete(node),
      sync: () => this.#commits.commit(null),
      place: (slot, index, update) => {
        this.#placed.set(update.node, { update, slot: index });
        this.#claimed.delete(update.node);
        this.#open.delete(slot);
      },
      giveBack: (slot, index, isRecorded) => this.#giveBack(slot, index, isRecorded),
    };
  }

  /** A record that failed to become durable may be there all the same; where it can't be wiped, the place stays unused. */
  async #giveBack(slot: DiskSlot, index: number, isRecorded: boolean): Promise<void> {
    try {
      if (isRecorded) await writeFully(this.#file, emptyHead, recordPosition(this.#layout, index));
      this.#empty.push(index);
    } catch {
      // Unused: it costs a hole in the file.
    }
    this.#open.delete(slot);
  }
}
