/**
 * A request's head, before anything relies on it: Node hands on whatever its parser lets through, and what follows
 * takes an address that can be read, and a Host, for granted.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { QuorateError } from '../../errors.js';
import { headersOf, PROBLEM_TYPE, problemOf } from './problemDocument.js';
import { requestIdOf } from './requestLog.js';

/** Hands on requests whose heads are sound, their addresses brought to the one form `/path?query`; refuses others. */
export const soundHeads =
  (handle: RequestListener): RequestListener =>
  (req, res) => {
    try {
      checkHead(req);
    } catch (error) {
      if (!(error instanceof QuorateError)) throw error;
      refuse(req, res, error);
      return;
    }
    handle(req, res);
  };

/** @throws QuorateError MALFORMED */
export function checkHead(req: IncomingMessage): void {
  req.url = originForm(req.url ?? '');
  if (req.httpVersion === '1.1' && req.headers.host === undefined) {
    throw new QuorateError('MALFORMED', 'a request needs the header Host', { header: 'Host' });
  }
}

/** RFC 9112, section 3.2: proxies are asked for whole addresses, and whoever answers must take them too. */
function originForm(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  if (/^https?:\/\//i.test(target) && URL.canParse(target)) {
    const { pathname, search } = new URL(target);
    return pathname + search;
  }
  throw new QuorateError('MALFORMED', 'the address is malformed');
}

function refuse(req: IncomingMessage, res: ServerResponse, error: QuorateError): void {
  const requestId = requestIdOf(req.headers['x-request-id']);
  const problem = problemOf(error, requestId);
  const body = JSON.stringify(problem);
  res.writeHead(problem.status, {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    'X-Request-Id': requestId,
    Connection: 'close',
    ...headersOf(error),
  });
  res.end(body);
}
