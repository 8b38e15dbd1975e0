/**
 * Pages of other origins: by configuration only. A browser lets any page send simple requests and open WebSockets,
 * and without tokens nothing else would tell such a request from an own one.
 */
import cors from '@koa/cors';
import type { Middleware } from 'koa';
import { QuorateError } from '../../errors.js';
import type { ServerConfig } from '../config/config.js';

/** Response headers that a page's script may read. */
const EXPOSED = [
  'ETag',
  'Content-Digest',
  'Quorate-Round',
  'Quorate-Report',
  'X-Request-Id',
  'Retry-After',
  'Content-Range',
];

const sameOrigin = (origin: string, host: string | undefined): boolean => {
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
};

/** @throws QuorateError FORBIDDEN */
export function checkOrigin(
  origin: string | undefined,
  host: string | undefined,
  { origins }: ServerConfig['cors'],
): void {
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return;
  if (sameOrigin(origin, host)) return;
  throw new QuorateError('FORBIDDEN', `pages of ${origin} may not use this server (cors.origins)`, {
    origin,
  });
}

/** Answers preflights, marks answers for the origins that may read them, refuses what others would change. */
export function crossOrigin(config: ServerConfig['cors']): Middleware[] {
  const isAllowed = (origin: string) => config.origins.includes('*') || config.origins.includes(origin);
  const marks = cors({
    origin: (ctx) => {
      const origin = ctx.get('Origin');
      return config.origins.includes('*') ? '*' : isAllowed(origin) ? origin : '';
    },
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: 600,
    credentials: false,
  });
  const refuseOthers: Middleware = async (ctx, next) => {
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD' || ctx.method === 'OPTIONS';
    if (!isRead) checkOrigin(ctx.req.headers.origin, ctx.req.headers.host, config);
    await next();
  };
  return [marks, refuseOthers];
}
