/** A body as it comes from the network, so that reading it can be given up, and a lost connection has its own error. */
import { QuorateError } from '../errors.js';

/**
 * @param interrupted rejects when reading is to end, with what is thrown then
 * @throws QuorateError INCOMPLETE_UPLOAD if the body throws: its sender went away
 */
export async function* chunksOf(
  body: AsyncIterable<Uint8Array>,
  interrupted: Promise<never>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = body[Symbol.asyncIterator]();
  let isDone = false;
  try {
    for (;;) {
      const next = chunks.next().catch((error: unknown) => {
        isDone = true;
        if (error instanceof QuorateError) throw error;
        throw new QuorateError('INCOMPLETE_UPLOAD', 'the body ended before it was complete', {}, error);
      });
      const result = await Promise.race([next, interrupted]);
      if (result.done) {
        isDone = true;
        return;
      }
      yield result.value;
    }
  } finally {
    // Not waited for: it may be stuck behind a chunk that never comes.
    if (!isDone) chunks.return?.().catch(() => undefined);
  }
}
