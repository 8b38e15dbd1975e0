/** The clock of this machine. */
/** Time, so that tests have their own. */
export interface Clock {
  now(): number;
  /** Calls back once, at the time or later; the returned function cancels. Must not keep the process alive. */
  at(timeMs: number, callback: () => void): () => void;
}

/** Longer timeouts than this fire at once, so that they are waited for in pieces. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

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
