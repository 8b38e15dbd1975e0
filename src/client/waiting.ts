/** Waits that an AbortSignal can end. */
import { QuorateError } from '../errors.js';

/** The error for canceled work, caused by `signal.reason`. */
export const aborted = (signal: AbortSignal): QuorateError =>
  new QuorateError('ABORTED', 'canceled by the AbortSignal', {}, signal.reason);

/** @throws QuorateError ABORTED if the signal is aborted */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted(signal);
}

/** Longer timeouts fire immediately, so they are split. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Resolves after `ms`. @throws QuorateError ABORTED */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  let leftMs = ms;
  for (; leftMs > MAX_TIMEOUT_MS; leftMs -= MAX_TIMEOUT_MS) await pause(MAX_TIMEOUT_MS, signal);
  await pause(leftMs, signal);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(aborted(signal));
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      reject(aborted(signal));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Settles like `work`, or rejects when the signal is aborted first. `work` itself continues; its result is ignored. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      reject(aborted(signal));
    };
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', end);
    });
  });
}

/** A controller that the signal aborts. `unlink` removes its listener from the signal, which may live much longer. */
export function linkedController(signal: AbortSignal): { controller: AbortController; unlink: () => void } {
  const controller = new AbortController();
  const end = (): void => {
    controller.abort(signal.reason);
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  return {
    controller,
    unlink: () => {
      signal.removeEventListener('abort', end);
    },
  };
}
