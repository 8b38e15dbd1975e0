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

/**
 * Parses JSON in UTF-8.
 *
 * @param name of the text, for messages
 * @throws QuorateError MALFORMED if it isn't JSON, is nested too deeply, or has a key twice or one that programs take for
 *   something else
 */
export function parseJson(bytes: Uint8Array, name = 'the body'): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (nesting(text) > MAX_NESTING) {
      throw new QuorateError('MALFORMED', `${name} is nested more than ${MAX_NESTING} levels deep`);
    }
    value = JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof QuorateError) throw error;
    const reason = error instanceof SyntaxError ? error.message : 'not UTF-8';
    throw new QuorateError('MALFORMED', `${name} is not valid JSON: ${reason}`, {}, error);
  }
  const key = ambiguousKey(text);
  if (key === undefined) return value;
  throw new QuorateError(
    'MALFORMED',
    dangerous.has(key) ? `${name} has the key '${key}'` : `${name} has the key '${key}' twice in one object`,
    { key },
  );
}

/** Keys that reach an object's prototype where a program copies them. */
const dangerous: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/**
 * The first key that is dangerous, or that an object has twice: JSON.parse keeps the last, other readers the first.
 *
 * @param text valid JSON
 */
function ambiguousKey(text: string): string | undefined {
  const objects: (Set<string> | null)[] = []; // null: an array
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '{') objects.push(new Set());
    else if (character === '[') objects.push(null);
    else if (character === '}' || character === ']') objects.pop();
    else if (character === '"') {
      const start = at++;
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
      const keys = objects.at(-1);
      if (!keys || !isKey(text, at + 1)) continue;
      const key = JSON.parse(text.slice(start, at + 1)) as string; // its escapes may spell another key
      if (dangerous.has(key) || keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

/** Whether a colon follows the string that ends before `at`. */
function isKey(text: string, at: number): boolean {
  while (' \t\n\r'.includes(text.charAt(at) || ':')) at++;
  return text[at] === ':';
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
