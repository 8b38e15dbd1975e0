/**
 * Retries operations that failed temporarily, with exponential backoff and full jitter: the wait after the k-th failure is
 * uniform between 0 and min(maxMs, firstMs · 2^(k − 1)), so that a thousand nodes do not reconnect at once after a restart
 * (Brooker 2015, "Exponential backoff and jitter"). If the server sent Retry-After, that time is added.
 */
import { createRandom } from '../core/random.js';
import { refuseUnknown, requireWholeNumber } from '../core/validation.js';
import { QuorateError, remedies } from '../errors.js';
import { sleep } from './waiting.js';

/** How a node retries what failed temporarily. */
export interface RetryOptions {
  /** Upper bound of the first wait, a whole number of milliseconds. It doubles with each failure. Default: 250. */
  readonly firstMs?: number;
  /** Upper bound of every wait, a whole number of milliseconds. Default: 15,000. */
  readonly maxMs?: number;
  /** How long an operation is retried before its error is final. Default: 600,000; Infinity retries forever. */
  readonly giveUpAfterMs?: number;
  /** Seed of the jitter, for reproducible waits. Default: random. */
  readonly seed?: number;
}

/** Retries operations; made by `createRetry`. */
export interface Retry {
  /** Draws the wait after so many consecutive failures, the last of which threw `error`. */
  waitMs(failures: number, error?: unknown): number;
  /**
   * Runs an operation until it succeeds.
   *
   * @param longestMs bounds the waits of this operation further
   * @throws QuorateError the operation's error once it is final; ABORTED
   */
  run<T>(operation: () => Promise<T>, signal: AbortSignal, longestMs?: number): Promise<T>;
}

/** Whether a retry may help. */
export const isTemporary = (error: unknown): boolean =>
  error instanceof QuorateError && remedies[error.code] === 'retry';

const minWaitMs = (error: unknown): number =>
  error instanceof QuorateError && typeof error.details.retryAfterMs === 'number'
    ? error.details.retryAfterMs
    : 0;

/**
 * @param onWait called before each wait
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 */
export function createRetry(
  options: RetryOptions,
  onWait: (error: QuorateError, waitMs: number) => void = () => undefined,
): Retry {
  refuseUnknown('retry', options, ['firstMs', 'maxMs', 'giveUpAfterMs', 'seed']);
  const { firstMs = 250, maxMs = 15_000, giveUpAfterMs = 600_000 } = options;
  const { seed = crypto.getRandomValues(new Uint32Array(1))[0] } = options;
  requireWholeNumber('retry.firstMs', firstMs, 1, 2 ** 31 - 1);
  requireWholeNumber('retry.maxMs', maxMs, firstMs, 2 ** 31 - 1);
  requireWholeNumber('retry.giveUpAfterMs', giveUpAfterMs, 0, Infinity);
  requireWholeNumber('retry.seed', seed, 0, Number.MAX_SAFE_INTEGER);
  const random = createRandom(seed!);

  const waitMs = (failures: number, error?: unknown, longestMs = maxMs): number => {
    const bound = Math.min(maxMs, longestMs, firstMs * 2 ** Math.min(failures - 1, 31));
    return minWaitMs(error) + random.uniform() * bound;
  };

  return {
    waitMs: (failures, error) => waitMs(failures, error),
    async run(operation, signal, longestMs) {
      const startedMs = performance.now();
      for (let failures = 1; ; failures++) {
        try {
          return await operation();
        } catch (error) {
          if (!(error instanceof QuorateError) || !isTemporary(error)) throw error;
          const wait = waitMs(failures, error, longestMs);
          if (performance.now() - startedMs + wait > giveUpAfterMs) throw error;
          onWait(error, wait);
          await sleep(wait, signal);
        }
      }
    },
  };
}
