/**
 * Tries again what failed for a moment's reason, with full jitter: the wait after the k-th failure is uniform
 * between 0 and firstMs · 2^(k − 1), at most maxMs (Brooker 2015, "Exponential backoff and jitter"), so that a thousand nodes do
 * not come back at once after a restart. A server's Retry-After is the least wait.
 */
import { createRandom } from '../core/random.js';
import { refuseUnknown, requireWholeNumber } from '../core/validation.js';
import { type ErrorCode, QuorateError } from '../errors.js';
import { sleep } from './waiting.js';

export interface RetryOptions {
  /** The longest first wait. Default: 250. */
  readonly firstMs?: number;
  /** The longest wait. Default: 15,000. */
  readonly maxMs?: number;
  /** How long one thing is tried before its error is final. Default: 600,000; Infinity: for ever. */
  readonly giveUpAfterMs?: number;
  /** Of the jitter. Default: by chance. */
  readonly seed?: number;
}

export interface Retry {
  /** The wait after so many failures one after the other, of which the last is `error`. */
  waitMs(failures: number, error?: unknown): number;
  /**
   * @param longestMs a bound on waits, below the one of the options
   * @throws QuorateError the operation's, once it is final; ABORTED
   */
  run<T>(operation: () => Promise<T>, signal: AbortSignal, longestMs?: number): Promise<T>;
}

/** What may go well the next time without anybody changing anything. */
const temporary: ReadonlySet<ErrorCode> = new Set([
  'CONNECTION_FAILED',
  'RATE_LIMITED',
  'SHUTTING_DOWN',
  'STORE_FULL',
  'STORE_FAILED',
  'INCOMPLETE_UPLOAD',
  'BAD_DIGEST',
  'INTERNAL',
]);

export const isTemporary = (error: unknown): boolean =>
  error instanceof QuorateError && temporary.has(error.code);

const minWaitMs = (error: unknown): number =>
  error instanceof QuorateError && typeof error.details.retryAfterMs === 'number'
    ? error.details.retryAfterMs
    : 0;

/**
 * @param onWait told before each wait
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
      const startedMs = Date.now();
      for (let failures = 1; ; failures++) {
        try {
          return await operation();
        } catch (error) {
          if (!(error instanceof QuorateError) || !isTemporary(error)) throw error;
          const wait = waitMs(failures, error, longestMs);
          if (Date.now() - startedMs + wait > giveUpAfterMs) throw error;
          onWait(error, wait);
          await sleep(wait, signal);
        }
      }
    },
  };
}
