/** Request ids and the request log. Headers and queries are never logged: they may hold tokens. */
import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { Logger } from 'pino';

const validId = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * The id of a request: the client's own if it is valid, else a random UUID.
 *
 * @param header the value of X-Request-Id
 */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && validId.test(header) ? header : randomUUID();
}

/** Successful reads are logged for debugging only. Failures have a line of their own besides, with the cause. */
const levelOf = (method: string, status: number): 'info' | 'debug' => {
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return status < 400 && isRead ? 'debug' : 'info';
};

/** Gives each request an id, sends it as X-Request-Id, and logs the request when its response is closed. */
export function requestLog(log: Logger): Middleware {
  return async (ctx, next) => {
    const startMs = performance.now();
    const requestId = requestIdOf(ctx.req.headers['x-request-id']);
    ctx.state.requestId = requestId;
    ctx.set('X-Request-Id', requestId);
    // 'finish' is also emitted when unsent data is dropped with the connection, so look at the socket. The listener
    // goes first: Node's own closes the socket after the last response.
    let isSent = false;
    ctx.res.prependOnceListener('finish', () => {
      const { socket } = ctx.req;
      isSent = !socket.destroyed && socket.errored === null;
    });
    ctx.res.once('close', () => {
      const { method, path, status } = ctx;
      const { cutOff } = ctx.state as { cutOff?: string };
      const facts = { requestId, method, path, status, ms: Math.round(performance.now() - startMs) };
      if (isSent) log[levelOf(method, status)](facts, 'request');
      else if (cutOff !== undefined) log.info(facts, cutOff);
      else log.debug(facts, 'client disconnected');
    });
    await next();
  };
}
