/** Conditional requests (RFC 9110, section 13): If-Match and If-None-Match, for reads and for changes. */
import type { IncomingMessage } from 'node:http';
import { QuorateError } from '../../errors.js';

/** What the target has now: the ETags of its representations; null if it has none. */
export type Etags = readonly string[] | null;

/** A list of ETags, or '*'. */
type Condition = '*' | readonly string[] | undefined;

const tag = /[ \t]*(?:((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"))?[ \t]*(,|$)/y;

/** Commas may stand inside tags, so the list can't be split at them. @throws QuorateError MALFORMED */
function conditionIn({ method, headers }: IncomingMessage, name: 'If-Match' | 'If-None-Match'): Condition {
  const header = headers[name.toLowerCase()];
  if (typeof header !== 'string') return undefined;
  if (header === '*') return '*';
  const tags: string[] = [];
  for (let at = 0, isOver = false; !isOver;) {
    tag.lastIndex = at;
    const match = tag.exec(header);
    if (match?.[1] !== undefined) tags.push(match[1]);
    at += match?.[0].length ?? 0;
    isOver = !match || match[2] === '';
    if (!match) tags.length = 0;
  }
  // A read that can't be made conditional is answered in full; a change would go through unchecked.
  const isHarmless = name === 'If-None-Match' && isRead(method);
  if (tags.length > 0 || isHarmless) return tags;
  throw new QuorateError('MALFORMED', `${name} must be * or a list of ETags in double quotes`, {
    header: name,
  });
}

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD';

const withoutWeakness = (etag: string): string => etag.replace(/^W\//, '');

/** Whether a request has a condition, and what the target has now needs to be found out. */
export const isConditional = ({ headers }: IncomingMessage): boolean =>
  headers['if-match'] !== undefined || headers['if-none-match'] !== undefined;

/**
 * Evaluates a request's preconditions. Nothing here has a modification date, so conditions on dates are ignored, as the
 * RFC demands.
 *
 * @returns true if the response is 304, which only reads get
 * @throws QuorateError PRECONDITION_FAILED; MALFORMED if a header is not a list of ETags
 */
export function checkPreconditions(req: IncomingMessage, current: Etags): boolean {
  const match = conditionIn(req, 'If-Match');
  const noneMatch = conditionIn(req, 'If-None-Match');
  // Strong comparison: a weak tag matches nothing.
  if (
    match !== undefined &&
    !(match === '*' ? current !== null : match.some((one) => current?.includes(one)))
  )
    throw failed('If-Match', current);
  if (noneMatch === undefined || current === null) return false;
  const weakly = current.map(withoutWeakness);
  if (noneMatch !== '*' && !noneMatch.some((one) => weakly.includes(withoutWeakness(one)))) return false;
  if (isRead(req.method)) return true;
  throw failed('If-None-Match', current);
}

const failed = (header: string, current: Etags): QuorateError =>
  new QuorateError(
    'PRECONDITION_FAILED',
    current === null ? `${header} does not hold: there is nothing here yet` : `${header} does not hold`,
    { header },
  );
