/** /openapi.json; /docs, its page, from files of our own; /docs/errors, what each code means. No page runs inline code. */
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

/** Swagger UI colors itself by style attributes, which scripts set one by one; there is no inline code. */
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

/** The pages of /docs as text: the compiled package has no other files than JavaScript. */

/** Relative addresses, so that it works behind a proxy that puts it elsewhere. */
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

export const explorerScript = `const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();
SwaggerUIBundle({ url: 'openapi.json', dom_id: '#explorer', deepLinking: true, validatorUrl: null });
`;

/** Whatever is not said of `.text` would be said of the explorer's own elements too. */
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

/** What problem documents refer to: /docs/errors#CODE. */
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
      <p>Each problem document has one of these codes as <code>code</code>.</p>
      <dl>
${entries.join('\n')}
      </dl>
    </main>
  </body>
</html>
`;
}
