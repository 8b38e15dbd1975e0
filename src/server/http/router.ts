/** The router that the table of routes makes. */
import type { Middleware } from 'koa';
import Router from 'koa-router';
import { z } from 'zod';
import { QuorateError } from '../../errors.js';
import { parse } from '../../schema.js';
import { authorize, type Identity } from '../auth/identity.js';
import { readJson } from '../bodies/json.js';
import type { Route, Services } from './route.js';

const nothing = z.strictObject({});

/** Whose token it must be: the node in the address; in a registration it stands in the body. */
function nodeOf(route: Route, params: unknown, body: unknown): string | undefined {
  const from = route.access === 'register' ? body : params;
  return (from as { node?: string; id?: string } | undefined)?.[route.access === 'register' ? 'id' : 'node'];
}

function handler(route: Route, services: Services): Middleware {
  const { jsonBytes, bodyStallMs } = services.config.limits;
  return async (ctx) => {
    const identity = ctx.state.identity as Identity;
    // Who may do nothing here learns nothing else either, and need not send a body.
    if (route.access !== 'register') authorize(route.access, identity, nodeOf(route, ctx.params, undefined));
    else if (identity.kind === 'anonymous') authorize(route.access, identity);
    const params = parse('path', route.params ?? nothing, ctx.params);
    const query = parse('query', route.query ?? nothing, { ...ctx.query });
    const body = route.body
      ? parse(
          'body',
          route.body,
          await readJson(ctx, { limitBytes: jsonBytes, stallMs: bodyStallMs }, services.room),
        )
      : undefined;
    if (route.access === 'register') authorize(route.access, identity, nodeOf(route, params, body));
    await route.handle({ ctx, params, query, body, identity, services });
  };
}

/** @param pages what is at other addresses */
export function makeRouter(routes: readonly Route[], services: Services, pages: Router): Middleware[] {
  const router = new Router({ sensitive: true, strict: true });
  for (const route of routes) {
    const handle = handler(route, services);
    router.register(route.path, route.method === 'GET' ? ['GET', 'HEAD'] : [route.method], handle);
  }
  return [pages.routes() as Middleware, router.routes() as Middleware, elsewhere([pages, router])];
}

/** Whatever no route has taken. */
function elsewhere(routers: readonly Router[]): Middleware {
  return (ctx) => {
    const found = routers.flatMap((router) => router.match(ctx.path, ctx.method).path);
    const allowed = [...new Set(found.flatMap(({ methods }) => methods))];
    if (allowed.length === 0) {
      throw new QuorateError(
        'NOT_FOUND',
        `there is nothing at ${ctx.path}; /openapi.json lists what there is`,
      );
    }
    if (ctx.method !== 'OPTIONS') {
      throw new QuorateError('METHOD_NOT_ALLOWED', `${ctx.path} takes ${allowed.join(', ')}`, { allowed });
    }
    ctx.status = 204;
    ctx.set('Allow', allowed.join(', '));
  };
}
