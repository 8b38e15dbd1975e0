/** JSON as text, compressed where the client takes that and it is worth it. Vectors are noise: that would be lost time. */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Middleware } from 'koa';

const MIN_BYTES = 2048;
const compress = promisify(gzip);

export function compressJson(): Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.respond === false || !/\bjson\b/.test(ctx.response.type)) return;
    const body: unknown = ctx.body;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    ctx.body = text;
    ctx.vary('Accept-Encoding');
    if (text.length < MIN_BYTES || ctx.acceptsEncodings('gzip', 'identity') !== 'gzip') return;
    const type = ctx.response.get('Content-Type');
    ctx.body = await compress(text, { level: constants.Z_BEST_SPEED });
    ctx.set('Content-Type', type);
    ctx.set('Content-Encoding', 'gzip');
  };
}
