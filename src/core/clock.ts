/** A source of time. Tests pass their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Calls back once, at the given time or later. Must not keep the process alive.
   *
   * @returns a function that cancels the callback
   */
  at(timeMs: number, callback: () => void): () => void;
}

/** Longer timeouts fire immediately, so they are split. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at(timeMs, callback) {
    let timeout: NodeJS.Timeout;
    const wait = () => {
      const remainingMs = Math.max(0, timeMs - Date.now());
      timeout = setTimeout(
        () => {
          if (Date.now() >= timeMs) callback();
          else wait();
        },
        Math.min(remainingMs, MAX_TIMEOUT_MS),
      );
      timeout.unref();
    };
    wait();
    return () => clearTimeout(timeout);
  },
};
