/**
 * A request that is answered before its body is read to the end: the sender may still be sending, and would lose the
 * answer if the connection were closed under it. So the answer goes out whole, and what still comes is thrown away for
 * a while before the connection ends.
 */
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Context, Middleware } from 'koa';
import { awaitsContinue } from '../bodies/body.js';

const LINGER_MS = 5_000;
const LINGER_BYTES = 64 * 1024 * 1024;

export function lingeringClose(): Middleware {
  return async (ctx, next) => {
    await next();
    const { req } = ctx;
    if (req.complete || req.destroyed || ctx.respond === false) return;
    ctx.set('Connection', 'close');
    // Who waits for a go-ahead, or a stream that takes its time, is served as usual.
    if (!awaitsContinue(req) && isWhole(ctx.body)) await answerFirst(ctx);
  };
}

const isWhole = (body: unknown): body is string | Buffer => typeof body === 'string' || Buffer.isBuffer(body);

async function answerFirst(ctx: Context): Promise<void> {
  const { req, res } = ctx;
  const body = ctx.body as string | Buffer;
  ctx.respond = false;
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.write(body);
  await discard(req);
  res.end();
}

async function discard(req: IncomingMessage): Promise<void> {
  const enough = new AbortController();
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) enough.abort();
  });
  const stop = () => {
    enough.abort();
  };
  req.once('end', stop).once('close', stop).once('error', stop);
  req.resume();
  await pause(LINGER_MS, undefined, { signal: enough.signal, ref: false }).catch(() => undefined);
}
