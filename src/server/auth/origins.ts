/**
 * Cross-origin access, off unless configured. A browser lets any page send simple requests and open WebSockets, and
 * where no tokens are required, only the Origin header distinguishes such a request from a same-origin one.
 */
import cors from '@koa/cors';
import type { Middleware } from 'koa';
import { QuorateError } from '../../errors.js';
import type { ServerConfig } from '../config/config.js';
import type { Client } from './client.js';

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

function isSameOrigin(origin: string, { host, protocol }: Pick<Client, 'host' | 'protocol'>): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const from = new URL(origin);
  const own = `${from.protocol}//${host}`;
  if (protocol !== undefined && from.protocol !== `${protocol}:`) return false;
  return URL.canParse(own) && new URL(own).host === from.host;
}

/** Neither a scheme nor a host distinguishes case. */
const isAllowed = (origin: string, origins: readonly string[]): boolean =>
  origins.some((one) => one === '*' || one.toLowerCase() === origin.toLowerCase());

/** @throws QuorateError FORBIDDEN if the origin is neither the server's own nor in `cors.origins` */
export function checkOrigin(
  origin: string | undefined,
  client: Pick<Client, 'host' | 'protocol'>,
  { origins }: ServerConfig['cors'],
): void {
  if (origin === undefined || isAllowed(origin, origins)) return;
  if (isSameOrigin(origin, client)) return;
  throw new QuorateError('FORBIDDEN', `the origin ${origin} is not allowed (cors.origins)`, {
    origin,
  });
}

/** Answers preflights, sets CORS headers for the allowed origins, and refuses writes from any other. */
export function crossOrigin(config: ServerConfig['cors']): Middleware[] {
  const corsHeaders = cors({
    origin: (ctx) => {
      const origin = ctx.get('Origin');
      return config.origins.includes('*') ? '*' : isAllowed(origin, config.origins) ? origin : '';
    },
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: 600,
    credentials: false,
  });
  const refuseOtherOrigins: Middleware = async (ctx, next) => {
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD' || ctx.method === 'OPTIONS';
    if (!isRead) checkOrigin(ctx.req.headers.origin, ctx.state.client as Client, config);
    await next();
  };
  return [corsHeaders, refuseOtherOrigins];
}
