/**
 * Events on disk: segments of records (records.ts), each a file named by its first event's number. An append is in the
 * system's hands when it returns, so that a killed process loses none that a subscriber received; fdatasync follows in
 * the background, so a power cut may take the last ones.
 *
 * Nothing depends on events: a damaged segment is set aside, and numbering goes on behind what it may have held, for
 * a number must never mean two things.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { damagedSuffix, listFolder, makeFolder, namesIn } from '../../files/atomicFile.js';
import { type Disk, FILE_MODE, type Files, onDisk } from '../../files/files.js';
import { EventRing } from '../eventRing.js';
import { decodeRecords, encodeRecord, RECORD_HEAD_BYTES } from './recordFraming.js';
import type { EventLog, NumberedEvent } from '../store.js';

const segmentName = /^(\d{15,16})\.events$/;
const nameOf = (first: number): string => `${String(first).padStart(15, '0')}.events`;

/** Of the events that are kept, so many are in one file. */
const segmentShare = 4;

/** A segment ends beyond so many bytes, however few events it has: it is read whole. */
const segmentBytes = 2 ** 26;
/** A file of more than this is no segment: no event is so long. */
const maxSegmentBytes = 2 ** 28;

/** Checksums reveal damage; this reveals a file that was made by hand. */
const eventSchema: z.ZodType<NumberedEvent> = z.strictObject({
  number: z.int().min(1),
  atMs: z.number(),
  body: z.record(z.string(), z.unknown()),
});

interface EventSegment {
  readonly first: number;
  readonly path: string;
}

interface Open {
  readonly descriptor: number;
  end: number;
  events: number;
}

export class DiskEventLog implements EventLog {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #segmentEvents: number;
  readonly #ring: EventRing;
  readonly #segments: EventSegment[];
  #open: Open | null = null;
  /** What the disk would not take so far. */
  #unwritten: Buffer[] = [];
  #isSyncing = false;

  private constructor(disk: Disk, folder: string, keepEvents: number, loaded: Loaded) {
    this.#disk = disk;
    this.#folder = folder;
    this.#segmentEvents = Math.ceil(keepEvents / segmentShare);
    this.#ring = new EventRing(keepEvents, loaded.last, loaded.events);
    this.#segments = loaded.segments;
  }

  /** @throws QuorateError STORE_FAILED */
  static async open(disk: Disk, folder: string, keepEvents: number): Promise<DiskEventLog> {
    return onDisk('read', folder, async () => {
      await makeFolder(disk.files, folder);
      return new DiskEventLog(disk, folder, keepEvents, await load(disk, folder));
    });
  }

  get first(): number {
    return this.#ring.first;
  }

  get last(): number {
    return this.#ring.last;
  }

  since(number: number, limit: number): readonly NumberedEvent[] {
    return this.#ring.since(number, limit);
  }

  append(atMs: number, body: Readonly<Record<string, unknown>>): NumberedEvent {
    const event = this.#ring.append(atMs, body);
    this.#unwritten.push(encodeRecord(event));
    this.#write();
    return event;
  }

  /** Durable when it returns. */
  close(): void {
    this.#write();
    this.#endSegment();
  }

  #write(): void {
    const waiting = this.#unwritten.length;
    try {
      while (this.#unwritten.length > 0) {
        if (!this.#open) {
          this.#open = this.#begin(this.last - this.#unwritten.length + 1);
          this.#forget();
        }
        const open = this.#open;
        writeAll(open.descriptor, this.#unwritten[0]!, open.end);
        open.end += this.#unwritten[0]!.length;
        this.#unwritten.shift();
        if (++open.events >= this.#segmentEvents || open.end >= segmentBytes) this.#endSegment();
      }
    } catch (error) {
      // Subscribers receive it all the same; it is written with the next one.
      if (waiting === 1) {
        const message = `event ${this.last} could not be written yet: ${String(error)}`;
        this.#disk.note({ file: this.#folder, session: null, message });
      }
      return;
    }
    this.#sync();
  }

  #begin(first: number): Open {
    const path = join(this.#folder, nameOf(first));
    const open = { descriptor: openSync(path, 'w', FILE_MODE), end: 0, events: 0 };
    this.#segments.push({ first, path });
    return open;
  }

  #endSegment(): void {
    if (!this.#open) return;
    const { descriptor } = this.#open;
    this.#open = null;
    try {
      fdatasyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** One fdatasync at a time; what was appended meanwhile is synced with the next append. */
  #sync(): void {
    if (this.#isSyncing || !this.#open) return;
    this.#isSyncing = true;
    fdatasync(this.#open.descriptor, () => (this.#isSyncing = false));
  }

  /** Removes the segments that hold nothing but events that are no longer kept. */
  #forget(): void {
    while (this.#segments.length > 1 && this.#segments[1]!.first <= this.first) {
      rmSync(this.#segments[0]!.path, { force: true });
      this.#segments.shift();
    }
  }
}

function writeAll(descriptor: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}

interface Loaded {
  readonly segments: EventSegment[];
  readonly events: NumberedEvent[];
  readonly last: number;
}

/** A segment as it lies on the disk. */
export interface ReadSegment extends EventSegment {
  readonly events: readonly NumberedEvent[];
  readonly sizeBytes: number;
  /** Where what could be read ends. */
  readonly end: number;
  /** Whether something can't be read; `torn`: an append was cut off. */
  readonly state: 'whole' | 'torn' | 'damaged';
}

/** The segments, oldest first; nothing is changed. @throws Error of the system */
export async function* readSegments(files: Files, folder: string): AsyncGenerator<ReadSegment> {
  const names = (await namesIn(files, folder)).filter((name) => segmentName.test(name));
  const found = names.map((name) => ({
    first: Number(segmentName.exec(name)![1]),
    path: join(folder, name),
  }));
  found.sort((a, b) => a.first - b.first);
  for (const [i, segment] of found.entries()) {
    const sizeBytes = await sizeOf(files, segment.path);
    if (sizeBytes > maxSegmentBytes) {
      yield { ...segment, events: [], sizeBytes, end: 0, state: 'damaged' };
      continue;
    }
    const bytes = await files.readFile(segment.path);
    const { values, end, rest } = decodeRecords(bytes);
    const events = z.array(eventSchema).safeParse(values).data;
    const isOwn = events?.every(({ number }, k) => number === segment.first + k) ?? false;
    const isTorn = rest === 'torn' && i === found.length - 1;
    const state = !isOwn || (rest !== 'nothing' && !isTorn) ? 'damaged' : isTorn ? 'torn' : 'whole';
    yield { ...segment, events: isOwn ? events! : [], sizeBytes: bytes.length, end, state };
  }
}

/** Each opening begins a new segment, so that none is written to again after it was read. */
async function load(disk: Disk, folder: string): Promise<Loaded> {
  await listFolder(disk.files, folder); // removes leftovers
  let segments: EventSegment[] = [];
  let events: NumberedEvent[] = [];
  let last = 0;
  const drop = async (why: string): Promise<void> => {
    for (const { path } of segments) await disk.files.rename(path, path + damagedSuffix);
    if (segments.length > 0) {
      const message = `${why}; events ${segments[0]!.first} to ${last} were moved aside, for none may be missing`;
      disk.note({ file: segments[0]!.path, session: null, message });
    }
    [segments, events] = [[], []];
  };

  for await (const { first, path, events: own, sizeBytes, end, state } of readSegments(disk.files, folder)) {
    const name = basename(path);
    if (first !== last + 1) await drop(`${name} begins after a gap`);
    if (state === 'damaged') {
      disk.note({ file: path, session: null, message: `damaged at byte ${end}; moved aside` });
      await drop(`${name} is damaged`);
      await disk.files.rename(path, path + damagedSuffix);
      // No record is shorter than its head, so that the segment can't have held more numbers than this.
      last = first - 1 + Math.ceil(sizeBytes / RECORD_HEAD_BYTES);
      continue;
    }
    last = first - 1 + own.length;
    if (own.length === 0) await disk.files.unlink(path);
    else segments.push({ first, path });
    if (state === 'torn') {
      const message = `the last record, at byte ${end}, is incomplete; it was cut off`;
      disk.note({ file: path, session: null, message });
      if (own.length > 0) await truncateFile(disk.files, path, end);
    }
    for (const event of own) events.push(event);
  }
  return { segments, events, last };
}

async function sizeOf(files: Files, path: string): Promise<number> {
  const file = await files.open(path, 'r');
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function truncateFile(files: Files, path: string, bytes: number): Promise<void> {
  const file = await files.open(path, 'r+');
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}
