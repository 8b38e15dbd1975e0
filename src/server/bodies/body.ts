/** Request bodies: started on demand, watched for progress, bounded in size and in total, checked against a digest. */
import type { Context } from 'koa';
import type { IncomingMessage } from 'node:http';
import { freeChunk } from '../../core/freeChunk.js';
import { QuorateError } from '../../errors.js';
import { checkDigest, type ContentDigest, parseContentDigest } from '../../formats/contentDigest.js';

/** A body that arrives more slowly counts as stalled. */
const MIN_BYTES_PER_SECOND = 1024;

const awaitingContinue = new WeakSet<IncomingMessage>();

/** Notes that the client sends its body only after `100 Continue`, which `openBody` sends. */
export const markAwaitingContinue = (req: IncomingMessage): void => void awaitingContinue.add(req);
/** Whether the client is still waiting for `100 Continue`. */
export const awaitsContinue = (req: IncomingMessage): boolean => awaitingContinue.has(req);

/** The bounds of one body. */
export interface BodyBounds {
  /** A body that stalls for this long is cut off. */
  readonly stallMs: number;
  readonly limitBytes: number;
}

/** Content-Length; null if the body is chunked. */
export function announcedBytes({ headers }: IncomingMessage): number | null {
  return headers['content-length'] === undefined ? null : Number(headers['content-length']);
}

/** Must come before any check of Content-Length, which counts compressed bytes. @throws QuorateError UNSUPPORTED_MEDIA_TYPE */
export function refuseCompressed({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  const isPlain = (token: string) => /^[ \t]*(identity)?[ \t]*$/i.test(token);
  if (encoding === undefined || encoding.split(',').every(isPlain)) return;
  throw new QuorateError('UNSUPPORTED_MEDIA_TYPE', 'compressed bodies are not supported', { encoding });
}

/**
 * Starts the body: sends `100 Continue` if the client awaits it, and from now on cuts off a client that stalls.
 *
 * @throws QuorateError PAYLOAD_TOO_LARGE if Content-Length exceeds the limit; UNSUPPORTED_MEDIA_TYPE if it is compressed
 */
export function openBody(ctx: Context, { stallMs, limitBytes }: BodyBounds): IncomingMessage {
  const { req, res } = ctx;
  refuseCompressed(req);
  refuseTooLarge(req, limitBytes);
  if (awaitingContinue.delete(req)) res.writeContinue();
  if (!req.complete) watchProgress(req, stallMs);
  return req;
}

function refuseTooLarge(req: IncomingMessage, limitBytes: number): void {
  if ((announcedBytes(req) ?? 0) > limitBytes) throw tooLarge(limitBytes);
}

/** The error for a body beyond its limit. */
export function tooLarge(limitBytes: number): QuorateError {
  return new QuorateError('PAYLOAD_TOO_LARGE', `the body may have at most ${limitBytes} bytes`, {
    limitBytes,
  });
}

/** Destroys a request that stalls. Unread data means that the server is the slow side, which is no stall. */
function watchProgress(req: IncomingMessage, stallMs: number): void {
  const { socket } = req;
  let previousBytes = socket.bytesRead;
  let isOver = false;
  const minBytes = (MIN_BYTES_PER_SECOND * stallMs) / 1000;
  const check = (): void => {
    if (isOver) return;
    const isServerBusy = req.readableLength > 0;
    if (!isServerBusy && socket.bytesRead - previousBytes < minBytes) {
      req.destroy(new QuorateError('INCOMPLETE_UPLOAD', `the body stalled for ${stallMs} ms`));
    }
    previousBytes = socket.bytesRead;
  };
  // After what has arrived is read: the process may have been stopped meanwhile.
  const timer = setInterval(() => setImmediate(check), stallMs).unref();
  const stop = () => {
    isOver = true;
    clearInterval(timer);
  };
  req.once('end', stop).once('close', stop);
}

/**
 * Reads a whole body into one new buffer, aligned for any typed array, which belongs to the caller.
 *
 * @param budget is charged for the body before it is read, or, if its length is unknown, as it arrives
 * @param isDecoded whether the caller will decode it into another copy, which is charged as well
 * @throws QuorateError PAYLOAD_TOO_LARGE, RATE_LIMITED, INCOMPLETE_UPLOAD, UNSUPPORTED_MEDIA_TYPE
 */
export async function readBody(
  ctx: Context,
  bounds: BodyBounds,
  budget: BodyBudget,
  isDecoded = false,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = announcedBytes(ctx.req);
  // A chunked body is held twice for a moment: as chunks, and as the buffer that they are joined in.
  const copies = isDecoded || announced === null ? 2 : 1;
  const limitBytes = Math.min(bounds.limitBytes, Math.floor(budget.limitBytes / copies));
  refuseTooLarge(ctx.req, limitBytes);
  budget.take(ctx, (announced ?? 0) * copies);
  const req = openBody(ctx, { ...bounds, limitBytes });
  const chunks: Uint8Array[] = [];
  let whole = new Uint8Array(announced ?? 0);
  let length = 0;
  try {
    for await (const chunk of chunksOf(req)) {
      const end = length + chunk.length;
      if (end > limitBytes) throw tooLarge(limitBytes);
      if (announced === null) {
        budget.take(ctx, chunk.length * copies);
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
      'the client disconnected before the body was complete',
      {},
      error,
    );
  }
  if (announced !== null) return whole;
  whole = new Uint8Array(length);
  chunks.reduce((offset, chunk) => (whole.set(chunk, offset), offset + chunk.length), 0);
  return whole;
}

/** The body's chunks as they arrive. Stopping early leaves the connection open for the response. */
export const chunksOf = (req: IncomingMessage): AsyncIterable<Uint8Array> =>
  req.iterator({ destroyOnReturn: false });

/** Most bodies are processed within this time. */
const RETRY_AFTER_MS = 1000;

/** Bounds the memory of all bodies that are held whole at the same time. */
export class BodyBudget {
  readonly limitBytes: number;
  private takenBytes = 0;
  private readonly heldBytes = new Map<Context['res'], number>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Charges a request; returned when its response is sent or its connection lost. @throws QuorateError RATE_LIMITED */
  take({ res }: Context, sizeBytes: number): void {
    if (this.takenBytes + sizeBytes > this.limitBytes) {
      throw new QuorateError(
        'RATE_LIMITED',
        'the server holds as many request bodies as limits.bodiesBytes allows',
        {
          limitBytes: this.limitBytes,
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    }
    this.takenBytes += sizeBytes;
    const held = this.heldBytes.get(res);
    this.heldBytes.set(res, (held ?? 0) + sizeBytes);
    if (held !== undefined) return;
    res.once('close', () => {
      this.takenBytes -= this.heldBytes.get(res)!;
      this.heldBytes.delete(res);
    });
  }
}

/** The request's Content-Digest; empty if it has none. @throws QuorateError MALFORMED */
export function contentDigestOf({ headers }: IncomingMessage): ContentDigest {
  const header = headers['content-digest'];
  return header === undefined ? {} : parseContentDigest(String(header));
}

/** Checks a whole body. @throws QuorateError BAD_DIGEST */
export function checkBytes(expected: ContentDigest, bytes: Uint8Array): void {
  const digest = checkDigest(expected);
  digest.update(bytes);
  digest.finish();
}

/** Passes a body through and checks it at the end. @throws QuorateError BAD_DIGEST after the last chunk */
export async function* checkBody(
  expected: ContentDigest,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const digest = checkDigest(expected);
  for await (const chunk of body) {
    digest.update(chunk);
    yield chunk;
  }
  digest.finish();
}
