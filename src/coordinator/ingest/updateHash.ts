/**
 * The SHA-256 of an update's float32 values, taken while they come: here, or on another thread where the body is these
 * very values, many of them, in chunks that may be given away.
 */
import { availableParallelism } from 'node:os';
import type { Hash } from '../../../bindings/abi.js';
import { currentHost } from '../../core/host.js';
import type { IncomingUpdate } from './readChunks.js';
import { freeChunk } from '../../core/freeChunk.js';
import { type HashOnThread, HashThread } from './hashThread.js';

/** Below this a thread's answer takes longer than the hash. */
const MIN_BYTES_FOR_THREAD = 262_144;

export interface UpdateHash {
  /** The next values, on their way into the store. */
  update(bytes: Uint8Array): void;
  /** The chunk that values came in, which is no longer needed. A promise asks to wait. */
  spent(chunk: Uint8Array): void | Promise<void>;
  /** Null: it was not wanted. */
  hex(): Promise<string | null>;
  /** Instead of `hex`. */
  forget(): void;
}

export class UpdateHashes {
  private readonly thread = new HashThread();

  /** @param d number of values */
  begin({ format, givesChunks = false }: IncomingUpdate, d: number, isWanted: boolean): UpdateHash {
    const isLarge = d * 4 >= MIN_BYTES_FOR_THREAD;
    if (isWanted && givesChunks && format.kind === 'f32' && isLarge && availableParallelism() > 1) {
      return new ThreadHash(this.thread.begin());
    }
    return new HashHere(isWanted ? currentHost().sha256() : null, givesChunks);
  }

  close(): Promise<void> {
    return this.thread.close();
  }
}

class HashHere implements UpdateHash {
  private readonly hash: Hash | null;
  private readonly givesChunks: boolean;

  constructor(hash: Hash | null, givesChunks: boolean) {
    this.hash = hash;
    this.givesChunks = givesChunks;
  }

  update(bytes: Uint8Array): void {
    this.hash?.update(bytes);
  }

  spent(chunk: Uint8Array): void {
    if (this.givesChunks) freeChunk(chunk);
  }

  async hex(): Promise<string | null> {
    return this.hash?.hex() ?? null;
  }

  forget(): void {
    // Nothing is held.
  }
}

class ThreadHash implements UpdateHash {
  private readonly hash: HashOnThread;

  constructor(hash: HashOnThread) {
    this.hash = hash;
  }

  update(): void {
    // The chunk has the same bytes, and can be given away when it is spent.
  }

  spent(chunk: Uint8Array): void | Promise<void> {
    return this.hash.update(chunk);
  }

  hex(): Promise<string> {
    return this.hash.hex();
  }

  forget(): void {
    this.hash.forget();
  }
}
