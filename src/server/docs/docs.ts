/**
 * Documentation served by the server itself: /openapi.json, the API explorer at /docs, and the error codes at
 * /docs/errors. Nothing is loaded from elsewhere, and no page runs inline code.
 */
import type { Context } from 'koa';
import Router from 'koa-router';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { errorCodes } from '../../errors.js';
import type { Route } from '../http/route.js';
import { openApiDocument } from './openapi.js';

const require = createRequire(import.meta.url);

const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** Swagger UI sets styles from scripts, which this policy allows; it needs no inline code. */
const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Reads Swagger UI's files on first use, and caches them. */
function assetReader(): (name: string) => Promise<Buffer> {
  const folder = dirname(require.resolve('swagger-ui-dist/package.json'));
  const files = new Map<string, Promise<Buffer>>();
  return (name) => {
    const file = files.get(name) ?? readFile(join(folder, name));
    files.set(name, file);
    return file;
  };
}

/** A router for the documentation of the routes. */
export function createDocsRouter(routes: readonly Route[]): Router {
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
      ctx.status = 301; // the page's links are relative to /docs
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

/**
 * The page of /docs. Like the other pages it is text in code, because the compiled package contains only JavaScript. Links
 * are relative, so that it works under any path behind a proxy.
 */
export const explorerPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Quorate API</title>
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png" />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
    <link rel="stylesheet" href="docs/page.css" />
  </head>
  <body>
    <div id="explorer"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/explorer.js"></script>
  </body>
</html>
`;

/** /docs/explorer.js: starts Swagger UI and follows the system's color scheme. */
export const explorerScript = `const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();
SwaggerUIBundle({ url: 'openapi.json', dom_id: '#explorer', deepLinking: true, validatorUrl: null });
`;

/** /docs/page.css. Rules are scoped to `.text`, as others would also match elements of Swagger UI. */
export const pageStyle = `body { margin: 0; }
.dark-mode body { background: #1c2022; }
.text { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }
.text code { font-size: 15px; }
.text dt { margin-top: 1.2rem; font-weight: 600; scroll-margin-top: 1rem; }
.text dt:target { outline: 2px solid currentColor; outline-offset: 4px; }
.text dd { margin: 0.2rem 0 0; }
`;

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The page /docs/errors, which problem documents link to by code: /docs/errors#CODE. */
export function errorsPage(codes: Readonly<Record<string, string>>): string {
  const entries = Object.entries(codes).map(
    ([code, meaning]) =>
      `      <dt id="${code}"><code>${code}</code></dt>\n      <dd>${escapeHtml(meaning)}</dd>`,
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Quorate: errors</title>
    <link rel="icon" type="image/png" href="favicon-32x32.png" />
    <link rel="stylesheet" href="page.css" />
  </head>
  <body>
    <main class="text">
      <h1>Errors</h1>
      <p>The <code>code</code> of a problem document is one of these.</p>
      <dl>
${entries.join('\n')}
      </dl>
    </main>
  </body>
</html>
`;
}
