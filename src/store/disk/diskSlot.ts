/**
 * The way of one update into its place in a round's file. Small pieces are gathered in two buffers: while one is being
 * written, the other is filled, so that a sender waits only for a disk that is slower than it. Large pieces are
 * written from where they are.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { QuorateError } from '../../errors.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import { storeError, writeFully } from '../../files/files.js';
import { requireRoom, requireWhole, roundClosed } from '../roundChecks.js';
import { encodeUpdate, type Layout, recordPosition, rowPosition } from './roundFile.js';
import type { RoundHeader, Slot } from '../store.js';

const gatherBytes = 2 ** 17;
const maxSpare = 64;

/** Rows so small that their record is gathered with them need no more than both. */
const usualRecordBytes = 4096;

/** Buffers that were used before: their pages need not be got from the system again. */
const spare: Uint8Array[] = [];

/** What a slot needs of its round. */
export interface SlotHost {
  readonly header: RoundHeader;
  readonly layout: Layout;
  readonly file: FileHandle;
  readonly path: string;
  /** Of the failures of fdatasync so far. */
  readonly failures: number;
  nextSequence(): number;
  /** Claims the node's place in the round. @throws QuorateError CONFLICTING_UPDATE, ROUND_CLOSED */
  claim(node: string): void;
  sync(): Promise<void>;
  /** The update is durable: the claim is fulfilled. */
  place(slot: DiskSlot, index: number, update: AcceptedUpdate): void;
  /** It is not: the claim ends. */
  release(node: string): void;
  /** The place is free. @param isRecorded a record may have been written there */
  giveBack(slot: DiskSlot, index: number, isRecorded: boolean): Promise<void>;
}

export class DiskSlot implements Slot {
  readonly #host: SlotHost;
  readonly #index: number;
  readonly #failuresBefore: number;
  readonly #capacity: number;
  readonly #isDigested: boolean;
  #state: 'filling' | 'committing' | 'ended' = 'filling';
  /** Of the row, unless its digest proves it: SHA-256 takes less time than CRC-32 where processors have instructions for it. */
  #crc = 0;
  /** Bytes of the row that came in, and that were handed to the system. */
  #received = 0;
  #handed = 0;
  #buffer: Uint8Array | null = null;
  #gathered = 0;
  /** The write under way; never rejects. */
  #writing: Promise<void> | null = null;
  #failure: unknown = null;
  #ending: Promise<void> | null = null;

  constructor(host: SlotHost, index: number, isDigested: boolean) {
    this.#host = host;
    this.#index = index;
    this.#isDigested = isDigested;
    this.#failuresBefore = host.failures;
    this.#capacity = Math.min(gatherBytes, host.layout.recordOffset + usualRecordBytes);
  }

  write(bytes: Uint8Array): void | Promise<void> {
    this.#requireFilling();
    requireRoom(this.#host.header, this.#received, bytes.length);
    if (!this.#isDigested) this.#crc = crc32(bytes, this.#crc);
    this.#received += bytes.length;
    return this.#take(bytes);
  }

  commit(update: AcceptedUpdate): Promise<void> {
    if (this.#state !== 'filling') return Promise.reject(roundClosed(this.#host.header));
    this.#state = 'committing';
    const committing = this.#commit(update);
    this.#ending = committing.catch(() => undefined);
    return committing;
  }

  abort(): Promise<void> {
    if (this.#state === 'filling') this.#ending = this.#end(false);
    return this.#ending ?? Promise.resolve();
  }

  async #commit(update: AcceptedUpdate): Promise<void> {
    const host = this.#host;
    let isClaimed = false;
    let isRecorded = false;
    try {
      requireWhole(host.header, this.#received);
      requireProof(update, this.#isDigested);
      host.claim(update.node);
      isClaimed = true;
      const record = encodeUpdate(update, host.nextSequence(), this.#crc);
      await this.#writing;
      this.#refuseFailed();
      isRecorded = true;
      await this.#writeRecord(record);
      await host.sync();
      this.#refuseFailed();
      this.#state = 'ended';
      this.#giveBuffer();
      host.place(this, this.#index, update);
    } catch (error) {
      await this.#end(isRecorded);
      if (isClaimed) host.release(update.node);
      throw storeError(error, 'write', host.path);
    }
  }

  async #end(isRecorded: boolean): Promise<void> {
    this.#state = 'ended';
    await this.#writing;
    this.#giveBuffer();
    await this.#host.giveBack(this, this.#index, isRecorded);
  }

  /** An abort may come while a sender is kept waiting. */
  #requireFilling(): void {
    if (this.#state !== 'filling') throw roundClosed(this.#host.header);
    this.#refuseFailed();
  }

  /** An fdatasync that failed may have dropped what this slot had written, and the next one would not say so. */
  #refuseFailed(): void {
    if (this.#failure) throw storeError(this.#failure, 'write', this.#host.path);
    if (this.#host.failures !== this.#failuresBefore) {
      throw storeError(new Error('an fdatasync failed meanwhile'), 'write', this.#host.path);
    }
  }

  #take(bytes: Uint8Array): void | Promise<void> {
    if (this.#gathered === 0 && bytes.length >= gatherBytes) return this.#writeDirectly(bytes);
    this.#buffer ??= bufferOf(this.#capacity);
    const fitting = Math.min(bytes.length, this.#capacity - this.#gathered);
    this.#buffer.set(fitting === bytes.length ? bytes : bytes.subarray(0, fitting), this.#gathered);
    this.#gathered += fitting;
    if (this.#gathered < this.#capacity) return undefined;
    if (this.#writing) return this.#takeLater(bytes.subarray(fitting));
    this.#startWrite();
    return fitting < bytes.length ? this.#take(bytes.subarray(fitting)) : undefined;
  }

  async #takeLater(rest: Uint8Array): Promise<void> {
    await this.#writing;
    this.#requireFilling();
    this.#startWrite();
    if (rest.length > 0) await this.#take(rest);
  }

  async #writeDirectly(bytes: Uint8Array): Promise<void> {
    await this.#writing;
    this.#requireFilling();
    this.#track(bytes, null);
    await this.#writing;
    this.#refuseFailed();
  }

  #startWrite(): void {
    const buffer = this.#buffer!;
    this.#track(buffer.subarray(0, this.#gathered), buffer);
    this.#buffer = null;
    this.#gathered = 0;
  }

  /** @param buffer to be used again afterwards */
  #track(bytes: Uint8Array, buffer: Uint8Array | null): void {
    const position = rowPosition(this.#host.layout, this.#index) + this.#handed;
    this.#handed += bytes.length;
    this.#writing = writeFully(this.#host.file, bytes, position)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .then(() => {
        this.#writing = null;
        if (buffer) recycle(buffer);
      });
  }

  /** The last of the row and its record: one write, if they fit into the buffer. */
  async #writeRecord(record: Uint8Array): Promise<void> {
    const { layout, file } = this.#host;
    const start = rowPosition(layout, this.#index) + this.#handed;
    const at = recordPosition(layout, this.#index) - start;
    if (this.#buffer && at + record.length <= this.#capacity) {
      this.#buffer.fill(0, this.#gathered, at);
      this.#buffer.set(record, at);
      await writeFully(file, this.#buffer.subarray(0, at + record.length), start);
      return;
    }
    if (this.#buffer) await writeFully(file, this.#buffer.subarray(0, this.#gathered), start);
    await writeFully(file, record, start + at);
  }

  #giveBuffer(): void {
    if (this.#buffer) recycle(this.#buffer);
    this.#buffer = null;
  }
}

/** Without either, nothing would prove that the row is whole. @throws QuorateError INTERNAL */
function requireProof({ node, digest }: AcceptedUpdate, isDigested: boolean): void {
  if (!isDigested || digest !== null) return;
  throw new QuorateError('INTERNAL', `the digest of ${node}'s update did not come`, { node });
}

function bufferOf(capacity: number): Uint8Array {
  return (capacity === gatherBytes ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(capacity);
}

function recycle(buffer: Uint8Array): void {
  if (buffer.length === gatherBytes && spare.length < maxSpare) spare.push(buffer);
}
