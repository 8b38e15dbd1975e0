/**
 * Cross-origin access, off unless configured. A browser lets any page send simple requests and open WebSockets, and
 * where no tokens are required, only the Origin header distinguishes such a request from a same-origin one.
 */
import cors from '@koa/cors';
import type { Middleware } from 'koa';
import { QuorateError } from '../../errors.js';
import type { ServerConfig } from '../config/config.js';

/** Response headers that scripts of other origins may read. */
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

/** @throws QuorateError FORBIDDEN if the origin is neither the server's own nor in `cors.origins` */
export function checkOrigin(
  origin: string | undefined,
  host: string | undefined,
  { origins }: ServerConfig['cors'],
): void {
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return;
  if (sameOrigin(origin, host)) return;
  throw new QuorateError('FORBIDDEN', `the origin ${origin} is not allowed (cors.origins)`, {
    origin,
  });
}

/** Answers preflights, sets CORS headers for the allowed origins, and refuses writes from any other. */
export function crossOrigin(config: ServerConfig['cors']): Middleware[] {
  const isAllowed = (origin: string) => config.origins.includes('*') || config.origins.includes(origin);
  const corsHeaders = cors({
    origin: (ctx) => {
      const origin = ctx.get('Origin');
      return config.origins.includes('*') ? '*' : isAllowed(origin) ? origin : '';
    },
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: 600,
    credentials: false,
  });
  const refuseOtherOrigins: Middleware = async (ctx, next) => {
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD' || ctx.method === 'OPTIONS';
    if (!isRead) checkOrigin(ctx.req.headers.origin, ctx.req.headers.host, config);
    await next();
  };
  return [corsHeaders, refuseOtherOrigins];
}
