/**
 * A body as it comes from the network. Its chunks are handed on in the turn that they arrive in: a promise for each
 * would cost as much as what is done with it.
 */
import { finished, Readable } from 'node:stream';
import { QuorateError } from '../../errors.js';
import type { UpdateFormat } from '../../formats/decoder.js';

/** An update on its way in: the bytes as they come from the socket. */
export interface IncomingUpdate {
  /** The session's id. */
  readonly session: string;
  /** The round that the node trained for. */
  readonly round: number;
  /** The sender's id. */
  readonly node: string;
  /** How the body is encoded. */
  readonly format: UpdateFormat;
  /** A Node stream costs least; if reading is canceled, it is left open and paused. An iterable is ended. */
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Whether the body's chunks are the coordinator's to use up: their memory is freed as soon as it may be, or given to
   * another thread, and their length is 0 then. Default: false, they are only read.
   */
  readonly givesChunks?: boolean;
  /** Of the body as sent (RFC 9530), if the sender gave it. */
  readonly bodyDigest: Uint8Array | null;
  /** How many examples the node says it trained on; null if it says nothing. */
  readonly numExamples: number | null;
  /** What the node measured while training, such as its loss. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Given one chunk after the other; the sender is held back until the promise that it may return resolves. */
type Take = (chunk: Uint8Array) => void | Promise<void>;

/**
 * Reads to the end. A stream is left paused if reading is canceled: its owner may answer on the connection.
 *
 * @param giveUp ends the reading, with its reason as the error
 * @throws QuorateError INCOMPLETE_UPLOAD if the body breaks off: its sender went away; and what `take` throws
 */
export async function readChunks(
  body: AsyncIterable<Uint8Array>,
  take: Take,
  giveUp: AbortSignal,
): Promise<void> {
  if (body instanceof Readable) return readStream(body, take, giveUp);
  const stream = Readable.from(body);
  // Ignore errors after cancellation.
  stream.on('error', () => undefined);
  try {
    await readStream(stream, take, giveUp);
  } finally {
    stream.destroy(); // not waited for: it may be stuck behind a chunk that never comes
  }
}

function readStream(body: Readable, take: Take, giveUp: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let pending: void | Promise<void>;
    const end = (): void => {
      isOver = true;
      unwatch();
      body.off('data', onData);
      giveUp.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error): void => {
      if (isOver) return;
      end();
      body.pause();
      reject(error);
    };
    const goOn = (): void => {
      pending = undefined;
      if (!isOver) body.resume();
    };
    const onAbort = (): void => {
      fail(giveUp.reason as Error);
    };
    const onData = (chunk: Uint8Array): void => {
      try {
        pending = take(chunk);
        if (!pending) return;
        body.pause();
        pending.then(goOn, fail);
      } catch (error) {
        fail(error as Error);
      }
    };
    const unwatch = finished(body, { writable: false }, (error) => {
      end();
      if (error) reject(brokenOff(error));
      else resolve(pending); // a stream may end although it is paused
    });
    giveUp.addEventListener('abort', onAbort);
    if (giveUp.aborted) onAbort();
    else body.on('data', onData).resume();
  });
}

function brokenOff(error: Error): QuorateError {
  if (error instanceof QuorateError) return error;
  return new QuorateError('INCOMPLETE_UPLOAD', 'the body ended before it was complete', {}, error);
}
