/** JSON bodies. */
import type { Context } from 'koa';
import { QuorateError } from '../../errors.js';
import { type BodyBounds, type BodyBudget, readBody } from './body.js';
import { mediaTypeOf, requireMediaType } from './mediaTypes.js';

/** Far above what any schema needs, and safe for recursive code. */
const MAX_NESTING = 64;

/** Reads and parses a JSON body. @throws QuorateError UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, RATE_LIMITED, MALFORMED */
export async function readJson(ctx: Context, bounds: BodyBounds, budget: BodyBudget): Promise<unknown> {
  requireMediaType(mediaTypeOf(ctx.req.headers['content-type']), ['application/json']);
  return parseJson(await readBody(ctx, bounds, budget));
}

/** Parses JSON in UTF-8. @param name of the text, for messages. @throws QuorateError MALFORMED */
export function parseJson(bytes: Uint8Array, name = 'the body'): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (nesting(text) <= MAX_NESTING) return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'not UTF-8';
    throw new QuorateError('MALFORMED', `${name} is not valid JSON: ${reason}`, {}, error);
  }
  throw new QuorateError('MALFORMED', `${name} is nested more than ${MAX_NESTING} levels deep`);
}

/** The depth of brackets, ignoring those in strings. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInString && character === '\\') at++;
    else if (character === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return deepest;
}
