/** Builds the router from the table of routes. */
import type { Middleware } from 'koa';
import Router from 'koa-router';
import * as z from 'zod';
import { QuorateError } from '../../errors.js';
import { parse } from '../../schema.js';
import { authorize, type Identity } from '../auth/identity.js';
import { readJson } from '../bodies/json.js';
import type { Route, Services } from './route.js';

const noParameters = z.strictObject({});

/** The node that a request acts for: named in the path, or, in a registration, in the body. */
function nodeOf(route: Route, params: unknown, body: unknown): string | undefined {
  const from = route.access === 'register' ? body : params;
  return (from as { node?: string; id?: string } | undefined)?.[route.access === 'register' ? 'id' : 'node'];
}

function handler(route: Route, services: Services): Middleware {
  const { jsonBytes, bodyStallMs } = services.config.limits;
  return async (ctx) => {
    const identity = ctx.state.identity as Identity;
    // Checked first, so that an unauthorized client learns nothing else and need not send its body.
    if (route.access !== 'register') authorize(route.access, identity, nodeOf(route, ctx.params, undefined));
    else if (identity.kind === 'anonymous') authorize(route.access, identity);
    const params = parse('path', route.params ?? noParameters, ctx.params);
    const query = parse('query', route.query ?? noParameters, { ...ctx.query });
    const body = route.body
      ? parse(
          'body',
          route.body,
          await readJson(ctx, { limitBytes: jsonBytes, stallMs: bodyStallMs }, services.bodyBudget),
        )
      : undefined;
    if (route.access === 'register') authorize(route.access, identity, nodeOf(route, params, body));
    await route.handle({ ctx, params, query, body, identity, services });
  };
}

/**
 * Middleware that serves the routes, answers OPTIONS, and throws NOT_FOUND or METHOD_NOT_ALLOWED for anything else.
 *
 * @param pages serves the documentation pages
 */
export function createRouter(routes: readonly Route[], services: Services, pages: Router): Middleware[] {
  const router = new Router({ sensitive: true, strict: true });
  for (const route of routes) {
    const handle = handler(route, services);
    router.register(route.path, route.method === 'GET' ? ['GET', 'HEAD'] : [route.method], handle);
  }
  return [pages.routes() as Middleware, router.routes() as Middleware, unmatched([pages, router])];
}

/** Handles requests that no route matched. */
function unmatched(routers: readonly Router[]): Middleware {
  return (ctx) => {
    const matches = routers.flatMap((router) => router.match(ctx.path, ctx.method).path);
    const allowed = [...new Set(matches.flatMap(({ methods }) => methods))];
    if (allowed.length === 0) {
      throw new QuorateError('NOT_FOUND', `nothing at ${ctx.path}; /openapi.json lists all routes`);
    }
    if (ctx.method !== 'OPTIONS') {
      throw new QuorateError('METHOD_NOT_ALLOWED', `${ctx.path} allows ${allowed.join(', ')}`, { allowed });
    }
    ctx.status = 204;
    ctx.set('Allow', allowed.join(', '));
  };
}
