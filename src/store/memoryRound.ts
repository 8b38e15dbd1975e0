/** The updates of a round in memory. Rows are read where they lie; nothing is copied after an update has arrived. */
import { arraySource, type RowSource } from '../core/source.js';
import type { AcceptedUpdate } from '../rounds/state.js';
import {
  nodesToSeal,
  requireNoOther,
  requireRoom,
  requireWhole,
  roundClosed,
  unknownUpdate,
} from './roundChecks.js';
import type { RoundHeader, RoundStore, Slot } from './store.js';

const pieceBytes = 2 ** 18;

interface Row {
  readonly update: AcceptedUpdate;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

type Keep = (update: AcceptedUpdate, bytes: Uint8Array<ArrayBuffer>) => void;

interface Listener {
  readonly closed: () => void;
  readonly discarded: (round: MemoryRound) => void;
}

export class MemoryRound implements RoundStore {
  readonly header: RoundHeader;
  readonly #listener: Listener;
  readonly #rows = new Map<string, Row>();
  #sealed: readonly string[] | null = null;
  #closed = false;

  constructor(header: RoundHeader, listener: Listener) {
    this.header = header;
    this.#listener = listener;
  }

  get updates(): readonly AcceptedUpdate[] {
    return Array.from(this.#rows.values(), ({ update }) => update);
  }

  get sealed(): readonly string[] | null {
    return this.#sealed;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  async reserve(): Promise<Slot> {
    if (this.#closed || this.#sealed) throw roundClosed(this.header);
    return new MemorySlot(this.header, (update, bytes) => {
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
    const { bytes } = this.#row(node);
    for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
  }

  /** @throws QuorateError UNKNOWN_UPDATE */
  update(node: string): AcceptedUpdate {
    return this.#row(node).update;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listener.closed();
  }

  async discard(): Promise<void> {
    this.#closed = true;
    this.#rows.clear();
    this.#listener.discarded(this);
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

  constructor(header: RoundHeader, keep: Keep) {
    this.#header = header;
    this.#keep = keep;
    // Not zeroed, for every byte is written before anyone reads one; a buffer of its own, for a row is a Float32Array.
    this.#bytes = Buffer.allocUnsafeSlow(header.d * 4);
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
