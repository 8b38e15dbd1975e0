/**
 * Work that may take long, on the caller's own thread: a search that yields between its steps. Whoever runs it gives
 * the event loop a turn now and then, so that a server answers meanwhile, and gives the search up when it is told to.
 */
import { stopIfAborted } from './tiles.js';

/** Yields whenever it may be interrupted; returns what it found. */
export type Cooperative<T> = Generator<void, T, void>;

/** How long the event loop may be kept waiting. */
const MAX_MS = 25;

/** A turn of the event loop, in which timers and connections are served; the same on every host. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** @throws QuorateError ABORTED by the signal, and whatever the work throws */
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
