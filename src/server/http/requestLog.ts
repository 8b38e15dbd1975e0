/** Each request has an id, its own if it brings a sane one, and is in the log with it. No header or query is logged. */
import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { Logger } from 'pino';

const sane = /^[A-Za-z0-9._-]{1,64}$/;

/** @param given the header X-Request-Id */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && sane.test(given) ? given : randomUUID();
}

/** What failed has a line of its own already, with its cause. */
const levelOf = (method: string, status: number): 'info' | 'debug' => {
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return status < 400 && isRead ? 'debug' : 'info';
};

/** Reads that went well are logged for debugging only; everything else is worth a line. */
export function requestLog(log: Logger): Middleware {
  return async (ctx, next) => {
    const startMs = performance.now();
    const id = requestIdOf(ctx.req.headers['x-request-id']);
    ctx.state.requestId = id;
    ctx.set('X-Request-Id', id);
    // It also finishes when what was left of it is thrown away with its connection. First of those that hear of it, for
    // the last answer ends its connection then.
    let isSent = false;
    ctx.res.prependOnceListener('finish', () => {
      const { socket } = ctx.req;
      isSent = !socket.destroyed && socket.errored === null;
    });
    ctx.res.once('close', () => {
      const { method, path, status } = ctx;
      const { cutOff } = ctx.state as { cutOff?: string };
      const facts = { requestId: id, method, path, status, ms: Math.round(performance.now() - startMs) };
      if (isSent) log[levelOf(method, status)](facts, 'request');
      else if (cutOff !== undefined) log.info(facts, cutOff);
      else log.debug(facts, 'the client went away');
    });
    await next();
  };
}
