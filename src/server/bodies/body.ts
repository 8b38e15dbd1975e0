/** Bodies on their way in: begun only when they are wanted, watched for progress, bounded. */
import type { Context } from 'koa';
import type { IncomingMessage } from 'node:http';
import { freeChunk } from '../../core/freeChunk.js';
import { QuorateError } from '../../errors.js';

/** Less than this is no progress. */
const MIN_BYTES_PER_SECOND = 1024;

/** Requests whose sender waits for `100 Continue` before it sends its body. */
const waiting = new WeakSet<IncomingMessage>();

export const holdBack = (req: IncomingMessage): void => void waiting.add(req);
export const awaitsContinue = (req: IncomingMessage): boolean => waiting.has(req);

export interface BodyBounds {
  readonly stallMs: number;
  /** Of the body; Infinity where something else bounds it. */
  readonly limitBytes: number;
}

/** Content-Length; null: the body comes in chunks. */
export function announcedBytes({ headers }: IncomingMessage): number | null {
  return headers['content-length'] === undefined ? null : Number(headers['content-length']);
}

/** Also before a body's length is looked at, which would not be what it is. @throws QuorateError UNSUPPORTED_MEDIA_TYPE */
export function refuseCompressed({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  throw new QuorateError('UNSUPPORTED_MEDIA_TYPE', 'bodies are taken uncompressed', { encoding });
}

/**
 * Lets the body come. From now on a sender that falls silent is cut off.
 *
 * @throws QuorateError PAYLOAD_TOO_LARGE if it is announced to be; UNSUPPORTED_MEDIA_TYPE if it is compressed
 */
export function openBody(ctx: Context, { stallMs, limitBytes }: BodyBounds): IncomingMessage {
  const { req, res } = ctx;
  refuseCompressed(req);
  refuseTooLarge(req, limitBytes);
  if (waiting.delete(req)) res.writeContinue();
  if (!req.complete) watchProgress(req, stallMs);
  return req;
}

function refuseTooLarge(req: IncomingMessage, limitBytes: number): void {
  if ((announcedBytes(req) ?? 0) > limitBytes) throw tooLarge(limitBytes);
}

export function tooLarge(limitBytes: number): QuorateError {
  return new QuorateError('PAYLOAD_TOO_LARGE', `at most ${limitBytes} bytes are taken here`, { limitBytes });
}

/** Ends a connection on which too little comes; not one that we keep waiting ourselves. */
function watchProgress(req: IncomingMessage, stallMs: number): void {
  const { socket } = req;
  let before = socket.bytesRead;
  const least = (MIN_BYTES_PER_SECOND * stallMs) / 1000;
  const timer = setInterval(() => {
    const isOurs = req.readableLength > 0;
    if (!isOurs && socket.bytesRead - before < least) {
      req.destroy(new QuorateError('INCOMPLETE_UPLOAD', `the body stalled for ${stallMs} ms`));
    }
    before = socket.bytesRead;
  }, stallMs).unref();
  const stop = () => {
    clearInterval(timer);
  };
  req.once('end', stop).once('close', stop);
}

/**
 * A whole body in memory of its own, aligned.
 *
 * @param room where it and, if it has to be decoded, as much again must find a place before anything is read; one that
 *   is not announced, as it comes
 * @throws QuorateError PAYLOAD_TOO_LARGE, RATE_LIMITED, INCOMPLETE_UPLOAD, UNSUPPORTED_MEDIA_TYPE
 */
export async function readBody(
  ctx: Context,
  bounds: BodyBounds,
  room: BodyBudget,
  isDecoded = false,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = announcedBytes(ctx.req);
  // Chunks are held beside what they are put together in.
  const copies = isDecoded || announced === null ? 2 : 1;
  const limitBytes = Math.min(bounds.limitBytes, Math.floor(room.limitBytes / copies));
  refuseTooLarge(ctx.req, limitBytes);
  room.take(ctx, (announced ?? 0) * copies);
  const req = openBody(ctx, { ...bounds, limitBytes });
  const chunks: Uint8Array[] = [];
  let whole = new Uint8Array(announced ?? 0);
  let length = 0;
  try {
    for await (const chunk of chunksOf(req)) {
      const end = length + chunk.length;
      if (end > limitBytes) throw tooLarge(limitBytes);
      if (announced === null) {
        room.take(ctx, chunk.length * copies);
        chunks.push(chunk);
      } else {
        whole.set(chunk, length);
        freeChunk(chunk);
      }
      length = end;
    }
  } catch (error) {
    if (error instanceof QuorateError) throw error;
    throw new QuorateError(
      'INCOMPLETE_UPLOAD',
      'the sender went away before the body was complete',
      {},
      error,
    );
  }
  if (announced !== null) return whole;
  whole = new Uint8Array(length);
  chunks.reduce((offset, chunk) => (whole.set(chunk, offset), offset + chunk.length), 0);
  return whole;
}

/** The body's chunks as the socket gives them. Ending early leaves the connection open, for the answer. */
export const chunksOf = (req: IncomingMessage): AsyncIterable<Uint8Array> =>
  req.iterator({ destroyOnReturn: false });

/* Room for bodies that are held whole: many at once must not take all the memory that there is. */

/** Most often a body is dealt with in less. */
const RETRY_AFTER_MS = 1000;

export class BodyBudget {
  readonly limitBytes: number;
  private takenBytes = 0;
  private readonly holders = new Map<Context['res'], number>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Until the answer is out, or the connection is gone. @throws QuorateError RATE_LIMITED */
  take({ res }: Context, sizeBytes: number): void {
    if (this.takenBytes + sizeBytes > this.limitBytes) {
      throw new QuorateError('RATE_LIMITED', 'other requests have all the room that there is for bodies', {
        limitBytes: this.limitBytes,
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    this.takenBytes += sizeBytes;
    const held = this.holders.get(res);
    this.holders.set(res, (held ?? 0) + sizeBytes);
    if (held !== undefined) return;
    res.once('close', () => {
      this.takenBytes -= this.holders.get(res)!;
      this.holders.delete(res);
    });
  }
}
