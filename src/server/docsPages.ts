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
