/** The Koa application: the middleware that every request passes through, then the routes. */
import Koa, { type Middleware } from 'koa';
import helmet from 'koa-helmet';
import { QuorateError } from '../errors.js';
import { admitHost, type Client, type FindClient } from './auth/client.js';
import { hostNamesOf } from './auth/hosts.js';
import type { Auth, Identity } from './auth/identity.js';
import { crossOrigin } from './auth/origins.js';
import type { RateLimits } from './auth/rateLimits.js';
import { createDocsRouter } from './docs/docs.js';
import { errorResponse } from './http/problemDocument.js';
import { requestLog } from './http/requestLog.js';
import { compressJson, cutStalledReader, lingeringClose } from './http/response.js';
import type { Services } from './http/route.js';
import { createRouter } from './http/router.js';
import { routes } from './routes/routes.js';

/** Responses are data: nothing in them may run, load or be framed. The pages of /docs have a policy of their own. */
const securityHeaders = (isShared: boolean): Middleware =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: isShared ? 'cross-origin' : 'same-origin' },
    // TLS ends at a proxy, which decides whether to require it.
    strictTransportSecurity: false,
  });

/** Health checks. */
const always: ReadonlySet<string> = new Set(
  routes.filter((route) => route.alwaysAvailable).map(({ path }) => path),
);

/** Finds the client, and refuses foreign host names. */
function reception({ config, isAuthOn }: Services, findClient: FindClient): Middleware {
  const policy = { names: hostNamesOf(config.listen), isAuthOn };
  return async (ctx, next) => {
    const client = findClient(ctx.req);
    ctx.state.client = client;
    if (!always.has(ctx.path)) admitHost(ctx.req, client.host, policy);
    await next();
  };
}

/** Identifies the client and counts the request against its rate limit before any route runs. */
function admission({ lifecycle }: Services, auth: Auth, limits: RateLimits): Middleware {
  const identify = async (ctx: Koa.Context): Promise<Identity> => {
    try {
      return auth.identify(ctx.req.headers.authorization);
    } catch (error) {
      await limits.countAddress((ctx.state.client as Client).address);
      throw error;
    }
  };
  return async (ctx, next) => {
    if (lifecycle.isShuttingDown) ctx.set('Connection', 'close');
    if (always.has(ctx.path)) {
      ctx.state.identity = { kind: 'anonymous' };
      await next();
      return;
    }
    if (lifecycle.isShuttingDown) throw new QuorateError('SHUTTING_DOWN', 'the server is shutting down');
    const identity = await identify(ctx);
    await limits.count(identity, (ctx.state.client as Client).address);
    ctx.state.identity = identity;
    await next();
    // Shutdown may have begun in the meantime.
    if (lifecycle.isShuttingDown) ctx.set('Connection', 'close');
  };
}

/** The client disconnected, or was cut off because it stalled. */
const connectionLost = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ECONNABORTED',
  'INCOMPLETE_UPLOAD',
]);

/** @param limits shared with the event sockets, so that a client has one budget for both */
export function createApp(services: Services, auth: Auth, limits: RateLimits, findClient: FindClient): Koa {
  const { config, log } = services;
  const app = new Koa();
  // Errors while a response is being sent. Its status is out already, so all that is left is to break the connection.
  app.on('error', (error: NodeJS.ErrnoException, ctx?: Koa.Context) => {
    if (!connectionLost.has(error.code ?? ''))
      log.error({ err: error, requestId: ctx?.state.requestId }, 'sending the response failed');
    if (ctx && ctx.headerSent && !ctx.res.writableEnded) ctx.res.destroy();
  });
  for (const middleware of [
    cutStalledReader(config.limits.bodyStallMs),
    requestLog(log),
    lingeringClose(),
    compressJson(),
    errorResponse(log),
    securityHeaders(config.cors.origins.length > 0),
    reception(services, findClient),
    ...crossOrigin(config.cors),
    admission(services, auth, limits),
    ...createRouter(routes, services, createDocsRouter(routes)),
  ]) {
    app.use(middleware);
  }
  return app;
}
