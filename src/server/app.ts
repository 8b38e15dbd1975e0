/** The Koa application: what every request passes through, and the routes. */
import Koa, { type Middleware } from 'koa';
import helmet from 'koa-helmet';
import { QuorateError } from '../errors.js';
import type { Auth, Identity } from './auth/identity.js';
import { compressJson } from './http/compress.js';
import { documentation } from './docs/docs.js';
import { errorResponse } from './http/problemDocument.js';
import type { RateLimits } from './auth/rateLimits.js';
import { lingeringClose } from './http/lingeringClose.js';
import { crossOrigin } from './auth/origins.js';
import { requestLog } from './http/requestLog.js';
import { makeRouter } from './http/router.js';
import { routes } from './routes/routes.js';
import type { Services } from './http/route.js';
import { cutStalledReader } from './http/stalledReader.js';

/** Answers are data: nothing in them may run, load or be framed. The pages of /docs have a policy of their own. */
const securityHeaders = (isShared: boolean): Middleware =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: isShared ? 'cross-origin' : 'same-origin' },
    // The scheme is whoever's who puts TLS before this.
    strictTransportSecurity: false,
  });

/** Whoever asks is known, and asks not too often, before anything is done. */
function admission({ lifecycle }: Services, auth: Auth, limits: RateLimits): Middleware {
  const always = new Set(routes.filter((route) => route.always).map(({ path }) => path));
  const identify = async (ctx: Koa.Context): Promise<Identity> => {
    try {
      return auth.identify(ctx.req.headers.authorization);
    } catch (error) {
      await limits.countAddress(ctx.ip);
      throw error;
    }
  };
  return async (ctx, next) => {
    if (lifecycle.isEnding) ctx.set('Connection', 'close');
    if (always.has(ctx.path)) {
      ctx.state.identity = { kind: 'anonymous' };
      await next();
      return;
    }
    if (lifecycle.isEnding) throw new QuorateError('SHUTTING_DOWN', 'the server is ending');
    const identity = await identify(ctx);
    await limits.count(identity, ctx.ip);
    ctx.state.identity = identity;
    await next();
    // It may have begun to end meanwhile.
    if (lifecycle.isEnding) ctx.set('Connection', 'close');
  };
}

/** The other side went away, or was cut off for its silence. */
const lost = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ECONNABORTED',
  'INCOMPLETE_UPLOAD',
]);

export function makeApp(services: Services, auth: Auth, limits: RateLimits): Koa {
  const { config, log } = services;
  const app = new Koa({ proxy: config.trustProxy });
  // What breaks while an answer is being sent: the status is out already, only the connection can tell.
  app.on('error', (error: NodeJS.ErrnoException, ctx?: Koa.Context) => {
    if (!lost.has(error.code ?? ''))
      log.error({ err: error, requestId: ctx?.state.requestId }, 'an answer broke off');
    if (ctx && ctx.headerSent && !ctx.res.writableEnded) ctx.res.destroy();
  });
  for (const middleware of [
    cutStalledReader(config.limits.bodyStallMs),
    requestLog(log),
    lingeringClose(),
    compressJson(),
    errorResponse(log),
    securityHeaders(config.cors.origins.length > 0),
    ...crossOrigin(config.cors),
    admission(services, auth, limits),
    ...makeRouter(routes, services, documentation(routes)),
  ]) {
    app.use(middleware);
  }
  return app;
}
