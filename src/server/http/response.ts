/** How responses leave the server: compression, responses sent before the request was read, and stalled readers. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Context, Middleware } from 'koa';
import { awaitsContinue } from '../bodies/body.js';

/** JSON bodies below this size are sent uncompressed. */
const MIN_COMPRESSED_BYTES = 2048;
const compress = promisify(gzip);

/**
 * Serializes JSON bodies, and gzips the large ones if the client accepts that. Vectors are sent as they are: their
 * bytes are close to noise and hardly compress.
 */
export function compressJson(): Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.respond === false || !/\bjson\b/.test(ctx.response.type)) return;
    const body: unknown = ctx.body;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    ctx.body = text;
    ctx.vary('Accept-Encoding');
    if (text.length < MIN_COMPRESSED_BYTES || ctx.acceptsEncodings('gzip', 'identity') !== 'gzip') return;
    const type = ctx.response.get('Content-Type');
    ctx.body = await compress(text, { level: constants.Z_BEST_SPEED });
    ctx.set('Content-Type', type);
    ctx.set('Content-Encoding', 'gzip');
  };
}

/** How long, and for how many bytes, the rest of a request body is read and discarded after the response. */
const LINGER_MS = 5_000;
const LINGER_BYTES = 64 * 1024 * 1024;

/**
 * Handles responses that are ready before the request body has been read. Closing the connection while the client is
 * still sending can destroy the response in transit, so the response is written first, and incoming bytes are discarded
 * for a while before the connection closes.
 */
export function lingeringClose(): Middleware {
  return async (ctx, next) => {
    await next();
    const { req } = ctx;
    if (req.complete || req.destroyed || ctx.respond === false) return;
    ctx.set('Connection', 'close');
    // A client that awaits 100 Continue sends no body after a final status. Streamed responses take the usual path.
    if (!awaitsContinue(req) && isComplete(ctx.body)) await respondThenDiscard(ctx);
  };
}

const isComplete = (body: unknown): body is string | Buffer =>
  typeof body === 'string' || Buffer.isBuffer(body);

async function respondThenDiscard(ctx: Context): Promise<void> {
  const { req, res } = ctx;
  const body = ctx.body as string | Buffer;
  ctx.respond = false;
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.write(body);
  await discard(req);
  res.end();
}

async function discard(req: IncomingMessage): Promise<void> {
  const done = new AbortController();
  const stop = () => {
    done.abort();
  };
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) stop();
  });
  req.once('end', stop).once('close', stop).once('error', stop);
  req.resume();
  await pause(LINGER_MS, undefined, { signal: done.signal, ref: false }).catch(() => undefined);
}

/**
 * Destroys a response if no byte of it can be sent for `stallMs`, because unsent data stays in memory for as long as
 * the connection lives. Must be the outermost middleware: the timer starts when the response is complete, so a handler
 * may take as long as it needs.
 */
export function cutStalledReader(stallMs: number): Middleware {
  return async ({ res, state }, next) => {
    await next();
    // Before it fires, the socket's timeout checks whether pending writes have made progress.
    res.setTimeout(stallMs, () => {
      state.cutOff = 'response cut off: the client stopped reading';
      res.destroy();
    });
  };
}
