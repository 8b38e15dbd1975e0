/**
 * The compute threads of one engine. They start with the first job that is large enough, share the engine's memory, and
 * don't keep the process alive while idle.
 */
import type { ComputeThread, Host } from '../../bindings/abi.js';
import type { Job } from '../../bindings/job.js';
import type { FromWorker, ToWorker } from '../../bindings/worker.js';
import { QuorateError } from '../errors.js';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

class Thread {
  private readonly thread: ComputeThread;
  private waiting: Waiting | undefined;
  private ended: Error | undefined;

  constructor(thread: ComputeThread) {
    this.thread = thread;
    thread.listen(
      (message) => {
        this.settle(message as FromWorker);
      },
      (reason) => {
        this.end(reason);
      },
    );
  }

  send(message: ToWorker): void {
    this.thread.send(message);
  }

  run(job: Job): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      if (this.ended) {
        this.end(this.ended);
        return;
      }
      this.thread.hold(true);
      this.send({ kind: 'run', job });
    });
  }

  private settle(message: FromWorker): void {
    if (message.kind === 'failed') {
      this.end(new Error(message.message));
      return;
    }
    this.thread.hold(false);
    this.waiting?.resolve();
    this.waiting = undefined;
  }

  private end(reason: Error): void {
    this.ended = reason;
    this.thread.hold(false);
    this.waiting?.reject(
      new QuorateError('WORKER_FAILED', `a compute thread failed: ${reason.message}`, {}, reason),
    );
    this.waiting = undefined;
  }

  stop(): Promise<void> {
    return this.thread.stop();
  }
}

/** A pool of compute threads that run one job at a time together. */
export class Threads {
  private readonly host: Host;
  private readonly count: number;
  private threads: Thread[] | undefined;
  private readonly learned = new Map<string, WebAssembly.Module>();

  /** @param count threads besides the caller's */
  constructor(host: Host, count: number) {
    this.host = host;
    this.count = count;
  }

  private started(module: WebAssembly.Module, memory: WebAssembly.Memory): Thread[] {
    this.threads ??= Array.from({ length: this.count }, (_, index) => {
      const thread = new Thread(this.host.startThread());
      thread.send({ kind: 'start', module, memory, thread: index + 1 });
      for (const [name, selection] of this.learned) thread.send({ kind: 'learn', name, module: selection });
      return thread;
    });
    return this.threads;
  }

  learn(name: string, module: WebAssembly.Module): void {
    this.learned.set(name, module);
    for (const thread of this.threads ?? []) thread.send({ kind: 'learn', name, module });
  }

  /**
   * Runs a job on all threads. Settles when every thread has stopped working.
   *
   * @throws QuorateError WORKER_FAILED; after it, the next job starts new threads
   */
  async run(job: Job, module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void> {
    const outcomes = await Promise.allSettled(this.started(module, memory).map((thread) => thread.run(job)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (!failed) return;
    await this.stop();
    throw failed.reason;
  }

  async stop(): Promise<void> {
    await Promise.all((this.threads ?? []).map((thread) => thread.stop()));
    this.threads = undefined;
  }
}
