/** The clock of this machine. */
import type { Clock } from './coordinator.js';

/** Longer timeouts than this fire at once, so that they are waited for in pieces. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

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
        Math.min(remainingMs, LONGEST_TIMEOUT_MS),
      );
      timeout.unref();
    };
    wait();
    return () => clearTimeout(timeout);
  },
};
