/** /openapi.json; /docs, its page, from files of our own; /docs/errors, what each code means. No page runs inline code. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import type { Context } from 'koa';
import Router from 'koa-router';
import { errorCodes } from '../errors.js';
import { errorsPage, explorerPage, explorerScript, pageStyle } from './docsPages.js';
import { openApiDocument } from './openapi.js';
import type { Route } from './route.js';

const require = createRequire(import.meta.url);

const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** Swagger UI colours itself by style attributes, which scripts set one by one; there is no inline code. */
const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Read when first asked for: a server that nobody reads about needs none of it. */
function assetReader(): (name: string) => Promise<Buffer> {
  const folder = dirname(require.resolve('swagger-ui-dist/package.json'));
  const files = new Map<string, Promise<Buffer>>();
  return (name) => {
    const file = files.get(name) ?? readFile(join(folder, name));
    files.set(name, file);
    return file;
  };
}

export function documentation(routes: readonly Route[]): Router {
  const router = new Router({ sensitive: true });
  const page = (ctx: Context, type: string, body: string | Buffer) => {
    ctx.set({ 'Content-Security-Policy': CONTENT_POLICY, 'Cache-Control': 'max-age=3600' });
    ctx.set('Content-Type', type);
    ctx.body = body;
  };
  const html = 'text/html; charset=utf-8';

  let document: string | undefined;
  router.get('/openapi.json', (ctx) => {
    document ??= JSON.stringify(openApiDocument(routes));
    ctx.set('Content-Type', 'application/json; charset=utf-8');
    ctx.body = document;
  });
  router.get('/', (ctx) => {
    ctx.redirect('docs');
  });
  router.get('/docs', (ctx) => {
    if (ctx.path.endsWith('/')) {
      ctx.status = 301; // the page's addresses are relative to where it should be
      ctx.redirect('../docs');
    } else page(ctx, html, explorerPage);
  });
  router.get('/docs/errors', (ctx) => {
    page(ctx, html, errorsPage(errorCodes));
  });
  router.get('/docs/explorer.js', (ctx) => {
    page(ctx, 'text/javascript; charset=utf-8', explorerScript);
  });
  router.get('/docs/page.css', (ctx) => {
    page(ctx, 'text/css; charset=utf-8', pageStyle);
  });
  const read = assetReader();
  for (const [name, type] of Object.entries(assets)) {
    router.get(`/docs/${name}`, async (ctx) => {
      page(ctx, type, await read(name));
    });
  }
  return router;
}
