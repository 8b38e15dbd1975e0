/**
 * SHA-256 beside the event loop. An update's chunks are given to a thread, not copied; it hashes them while the loop
 * reads the next ones. The thread is started when it is first needed, and again if it has died: then the updates that
 * it had are refused, and their nodes send them again.
 */
import { Worker } from 'node:worker_threads';
import { ownsMemory } from '../../core/freeChunk.js';
import { QuorateError } from '../../errors.js';

/** A sender is held back while the thread is so far behind: what waits for it is in memory. */
const MAX_BEHIND_BYTES = 16 * 1_048_576;

const script = new URL('./hashWorker.js', import.meta.url);

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export class HashThread {
  private running: Running | undefined;
  private readonly script: URL;

  constructor(file: URL = script) {
    this.script = file;
  }

  /** A hash to be taken. It has to be ended, by `hex` or by `forget`. */
  begin(): HashOnThread {
    if (!this.running?.isAlive) this.running = new Running(this.script);
    return new HashOnThread(this.running);
  }

  async close(): Promise<void> {
    await this.running?.close();
  }
}

export class HashOnThread {
  private readonly thread: Running;
  private readonly id: number;

  constructor(thread: Running) {
    this.thread = thread;
    this.id = thread.begin();
  }

  /**
   * @param chunk given away: its length is 0 afterwards, unless it shares its memory; then it is copied
   * @returns a promise if the thread is behind
   * @throws QuorateError WORKER_FAILED if the thread has died
   */
  update(chunk: Uint8Array): void | Promise<void> {
    return this.thread.update(this.id, chunk);
  }

  /** @throws QuorateError WORKER_FAILED if the thread has died */
  hex(): Promise<string> {
    return this.thread.hex(this.id);
  }

  forget(): void {
    this.thread.forget(this.id);
  }
}

class Running {
  private readonly worker: Worker;
  private failure: QuorateError | null = null;
  private behindBytes = 0;
  private next = 0;
  /** Begun and not ended: while there are any, the thread keeps the process alive. */
  private readonly open = new Set<number>();
  private readonly answers = new Map<number, Waiting<string>>();
  private heldBack: Waiting<void>[] = [];

  constructor(file: URL) {
    this.worker = new Worker(file);
    this.worker.unref();
    this.worker.on('message', (message: FromHashThread) => this.heard(message));
    this.worker.on('error', (error) => this.died(error));
    this.worker.on('exit', (code) => this.died(new Error(`the hash thread exited with code ${code}`)));
  }

  get isAlive(): boolean {
    return !this.failure;
  }

  begin(): number {
    if (this.open.size === 0) this.worker.ref();
    this.open.add(this.next);
    return this.next++;
  }

  update(id: number, given: Uint8Array): void | Promise<void> {
    if (this.failure) throw this.failure;
    if (!this.open.has(id)) return; // forgotten while the chunk was being stored
    const chunk = ownsMemory(given) ? given : new Uint8Array(given);
    this.behindBytes += chunk.length;
    this.send({ id, chunk }, [chunk.buffer]);
    if (this.behindBytes > MAX_BEHIND_BYTES) {
      return new Promise((resolve, reject) => this.heldBack.push({ resolve, reject }));
    }
  }

  hex(id: number): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      this.answers.set(id, { resolve, reject });
      this.send({ id, end: 'answer' });
    });
  }

  forget(id: number): void {
    if (!this.open.has(id)) return;
    if (!this.failure) this.send({ id, end: 'forget' });
    this.ended(id);
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private send(message: ToHashThread, given: ArrayBuffer[] = []): void {
    this.worker.postMessage(message, given);
  }

  private heard(message: FromHashThread): void {
    if ('hex' in message) {
      this.answers.get(message.id)?.resolve(message.hex);
      this.ended(message.id);
      return;
    }
    this.behindBytes -= message.doneBytes;
    if (this.behindBytes > MAX_BEHIND_BYTES) return;
    for (const { resolve } of this.heldBack.splice(0)) resolve();
  }

  private ended(id: number): void {
    this.answers.delete(id);
    this.open.delete(id);
    if (this.open.size === 0) this.worker.unref();
  }

  private died(cause: Error): void {
    this.failure ??= new QuorateError('WORKER_FAILED', 'the thread that takes digests ended', {}, cause);
    for (const { reject } of [...this.answers.values(), ...this.heldBack.splice(0)]) reject(this.failure);
    this.answers.clear();
  }
}

/** What the coordinator and its hash thread say to each other. */

/** Chunks of one update, in order, and then what becomes of it. */
export type ToHashThread =
  | { readonly id: number; readonly chunk: Uint8Array }
  | { readonly id: number; readonly end: 'answer' | 'forget' };

export type FromHashThread =
  /** SHA-256 of the update's chunks. */
  | { readonly id: number; readonly hex: string }
  /** So much has been hashed since this was last said. */
  | { readonly doneBytes: number };
