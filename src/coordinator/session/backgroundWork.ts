/** Work that takes its time: it runs in the background, and is tried again while its failure may pass. */
import type { Clock } from '../../core/clock.js';
import { type ErrorCode, QuorateError } from '../../errors.js';
import { backoffMs, type Policy } from '../../rounds/machine.js';

export class BackgroundWork {
  private readonly onError: (error: unknown) => void;
  private readonly pending = new Set<Promise<void>>();

  constructor(onError: (error: unknown) => void) {
    this.onError = onError;
  }

  /** Reports its failure, if it fails. */
  run(work: Promise<void>): void {
    const reported = work.catch(this.onError).finally(() => this.pending.delete(reported));
    this.pending.add(reported);
  }

  /** Resolves when none is under way, nor has begun meanwhile. */
  async idle(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }
}

/** Failures that may pass: a full disk, say. All others are of the updates or the pipeline, and would come again. */
const passing: readonly ErrorCode[] = ['STORE_FULL', 'STORE_FAILED', 'SOURCE_FAILED', 'WORKER_FAILED'];

export interface Patience {
  readonly clock: Clock;
  readonly policy: Policy;
  /** Ends the waiting between two tries. */
  readonly signal: AbortSignal;
  /** Called with each failure that is followed by another try. */
  readonly onError: (error: unknown) => void;
}

/**
 * Tries `work` until it succeeds, with a growing pause after each failure that may pass.
 *
 * @throws what `work` throws, if it would not pass or `signal` is aborted
 */
export async function untilItPasses<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const { policy, signal, onError } = patience;
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !(error instanceof QuorateError) || !passing.includes(error.code)) throw error;
      onError(error);
      await pause(backoffMs(policy, failures), patience);
    }
  }
}

async function pause(forMs: number, { clock, signal }: Patience): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.at(clock.now() + forMs, resolve);
    const end = (): void => {
      cancel();
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });
  signal.throwIfAborted();
}
