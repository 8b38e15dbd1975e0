/** Waiting that an AbortSignal ends. */
import { QuorateError } from '../errors.js';

/** The error for work that was given up; `signal.reason` is its cause. */
export const aborted = (signal: AbortSignal): QuorateError =>
  new QuorateError('ABORTED', 'given up through the AbortSignal', {}, signal.reason);

export function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted(signal);
}

/** @throws QuorateError ABORTED */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
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

/** What `work` comes to, unless the signal is aborted first; `work` itself goes on, and nobody hears of it. */
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

/** A controller that is aborted with the signal. `unlink` lets go of the signal, which may outlive it by far. */
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
