/**
 * Long work on the caller's thread: a search yields between its steps, and its runner regularly returns to the event
 * loop, so that a server stays responsive and the search can be canceled.
 */
import { stopIfAborted } from './tiles.js';

/** Work that yields wherever it may be interrupted, and returns its result. */
export type Cooperative<T> = Generator<void, T, void>;

/** The longest time for which the event loop is blocked. */
const MAX_MS = 25;

/** One turn of the event loop, in which timers and connections are served. Works on every host. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Runs the work to its end. @throws QuorateError ABORTED if the signal aborts; and whatever the work throws */
export async function runCooperatively<T>(
  steps: Cooperative<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  let sinceMs = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() - sinceMs < MAX_MS) continue;
    await turn();
    stopIfAborted(signal);
    sinceMs = performance.now();
  }
}
