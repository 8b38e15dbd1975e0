/** The updates of a round in memory. Rows are read where they lie; nothing is copied after an update has arrived. */
import { arraySource, type RowSource } from '../../core/source.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import {
  nodesToSeal,
  requireNoOther,
  requireRoom,
  requireWhole,
  roundClosed,
  unknownUpdate,
} from '../roundChecks.js';
import type { RoundHeader, RoundStore, Slot, TimeMark } from '../store.js';

const pieceBytes = 2 ** 18;

interface Row {
  readonly update: AcceptedUpdate;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

type Keep = (update: AcceptedUpdate, bytes: Uint8Array<ArrayBuffer>) => void;

/** The session that the round belongs to. */
interface Owner {
  /** A buffer of its own, of any content: a row is a Float32Array. */
  readonly buffer: (sizeBytes: number) => Uint8Array<ArrayBuffer>;
  readonly closed: () => void;
  readonly discarded: (round: MemoryRound) => void;
}

export class MemoryRound implements RoundStore {
  readonly header: RoundHeader;
  readonly #owner: Owner;
  readonly #rows = new Map<string, Row>();
  #sealed: readonly string[] | null = null;
  #closed = false;

  constructor(header: RoundHeader, owner: Owner) {
    this.header = header;
    this.#owner = owner;
  }

  get updates(): readonly AcceptedUpdate[] {
    return Array.from(this.#rows.values(), ({ update }) => update);
  }

  get sealed(): readonly string[] | null {
    return this.#sealed;
  }

  get time(): TimeMark {
    return { elapsedMs: 0, wallMs: this.header.openedAtMs };
  }

  async keepTime(): Promise<void> {
    // What it is for, a restart, does not happen to this store.
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  async reserve(): Promise<Slot> {
    if (this.#closed || this.#sealed) throw roundClosed(this.header);
    return new MemorySlot(this.header, this.#owner.buffer(this.header.d * 4), (update, bytes) => {
      if (this.#closed) throw roundClosed(this.header);
      requireNoOther(this.header, update.node, this.#rows.has(update.node));
      this.#rows.set(update.node, { update, bytes });
    });
  }

  async seal(nodes: readonly string[]): Promise<void> {
    if (this.#closed) throw roundClosed(this.header);
    this.#sealed =
      nodesToSeal(this.header, nodes, this.#sealed, (node) => this.#rows.has(node)) ?? this.#sealed;
  }

  rows(nodes: readonly string[]): RowSource {
    return arraySource(nodes.map((node) => new Float32Array(this.#row(node).bytes.buffer)));
  }

  async *read(node: string): AsyncIterable<Uint8Array> {
    const sizeBytes = this.#row(node).bytes.length;
    // Copies, and of what is still kept: the buffer may be another update's by the time that a slow reader asks for more.
    for (let from = 0; from < sizeBytes; from += pieceBytes) {
      yield new Uint8Array(this.#row(node).bytes.subarray(from, from + pieceBytes));
    }
  }

  /** @throws QuorateError UNKNOWN_UPDATE */
  update(node: string): AcceptedUpdate {
    return this.#row(node).update;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#owner.closed();
  }

  async discard(): Promise<void> {
    this.#closed = true;
    this.#rows.clear();
    this.#owner.discarded(this);
  }

  /** It is no longer kept: its buffers may be filled again. */
  release(): Uint8Array<ArrayBuffer>[] {
    const buffers = Array.from(this.#rows.values(), ({ bytes }) => bytes);
    this.#rows.clear();
    return buffers;
  }

  #row(node: string): Row {
    const row = this.#rows.get(node);
    if (!row) throw unknownUpdate(this.header.round, node);
    return row;
  }
}

class MemorySlot implements Slot {
  readonly #header: RoundHeader;
  readonly #keep: Keep;
  /** Null once the slot has ended. */
  #bytes: Uint8Array<ArrayBuffer> | null;
  #filled = 0;

  constructor(header: RoundHeader, bytes: Uint8Array<ArrayBuffer>, keep: Keep) {
    this.#header = header;
    this.#keep = keep;
    this.#bytes = bytes;
  }

  write(bytes: Uint8Array): void {
    if (!this.#bytes) throw roundClosed(this.#header);
    requireRoom(this.#header, this.#filled, bytes.length);
    this.#bytes.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  async commit(update: AcceptedUpdate): Promise<void> {
    const bytes = this.#bytes;
    this.#bytes = null;
    if (!bytes) throw roundClosed(this.#header);
    requireWhole(this.#header, this.#filled);
    this.#keep(update, bytes);
  }

  async abort(): Promise<void> {
    this.#bytes = null;
  }
}
