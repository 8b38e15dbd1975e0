/**
 * A static site of what a browser needs: the compiled files at /, the dependencies at /node_modules/, and an empty page
 * at /page.html whose import map names them. Each way in which a real server may differ is an option.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface SiteOptions {
  /** Sends COOP and COEP, so that pages have shared memory. */
  readonly isolated?: boolean;
  /** Sends a policy that forbids eval and inline scripts, and allows WebAssembly. */
  readonly strictPolicy?: boolean;
  /** The .wasm files' content type; null serves none at all. */
  readonly wasmType?: string | null;
}

export interface Site {
  readonly url: string;
  /** Paths asked for, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const compiled = fileURLToPath(new URL('../../', import.meta.url));
const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

const importMap = JSON.stringify({
  imports: {
    '@assemblyscript/loader': '/node_modules/@assemblyscript/loader/index.js',
    '@noble/hashes/': '/node_modules/@noble/hashes/',
    zod: '/node_modules/zod/index.js',
  },
});
const page = `<!doctype html><title>Quorate</title><script type="importmap">${importMap}</script>`;
const importMapHash = createHash('sha256').update(importMap).digest('base64');
const strictPolicy =
  `default-src 'none'; connect-src 'self'; worker-src 'self'; ` +
  `script-src 'self' 'wasm-unsafe-eval' 'sha256-${importMapHash}'`;

export async function openSite({
  isolated = false,
  strictPolicy: strict = false,
  wasmType = 'application/wasm',
}: SiteOptions): Promise<Site> {
  const requests: string[] = [];
  const headers: OutgoingHttpHeaders = {
    ...(isolated && {
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    }),
    ...(strict && { 'content-security-policy': strictPolicy }),
  };

  const read = async (path: string): Promise<{ type: string; body: string | Buffer }> => {
    const extension = extname(path);
    if (path === '/page.html') return { type: contentTypes['.html']!, body: page };
    if (extension === '.wasm' && wasmType === null) throw new Error('no WebAssembly here');
    const type = extension === '.wasm' && wasmType ? wasmType : (contentTypes[extension] ?? 'text/plain');
    const file = path.startsWith('/node_modules/') ? join('.', path) : join(compiled, path);
    return { type, body: await readFile(file) };
  };

  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    requests.push(path);
    read(path).then(
      ({ type, body }) => response.writeHead(200, { ...headers, 'content-type': type }).end(body),
      () => response.writeHead(404, headers).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/page.html`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
