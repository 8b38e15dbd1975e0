/** JSON bodies. */
import type { Context } from 'koa';
import { QuorateError } from '../../errors.js';
import { type BodyBounds, type BodyBudget, readBody } from './body.js';
import { mediaTypeOf, requireMediaType } from './mediaTypes.js';

/** Deeper than anything that is taken, and shallow enough for whoever walks through it. */
const MAX_NESTING = 64;

/** @throws QuorateError UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, RATE_LIMITED, MALFORMED */
export async function readJson(ctx: Context, bounds: BodyBounds, room: BodyBudget): Promise<unknown> {
  requireMediaType(mediaTypeOf(ctx.req.headers['content-type']), ['application/json']);
  return parseJson(await readBody(ctx, bounds, room));
}

/** @param what the text is, for messages. @throws QuorateError MALFORMED */
export function parseJson(bytes: Uint8Array, what = 'the body'): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (nesting(text) <= MAX_NESTING) return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is not UTF-8';
    throw new QuorateError('MALFORMED', `${what} is no JSON: ${reason}`, {}, error);
  }
  throw new QuorateError('MALFORMED', `${what} is nested more than ${MAX_NESTING} levels deep`);
}

/** How deep brackets open, those in strings left out. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (isInString && sign === '\\') at++;
    else if (sign === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (sign === '[' || sign === '{') deepest = Math.max(deepest, ++depth);
    else if (sign === ']' || sign === '}') depth--;
  }
  return deepest;
}
