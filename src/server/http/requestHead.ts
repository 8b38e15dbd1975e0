/** Checks of a request's target and Host, which Node's parser accepts in forms that the rest of the server cannot use. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { QuorateError } from '../../errors.js';
import { headersOf, PROBLEM_TYPE, problemOf } from './problemDocument.js';
import { requestIdOf } from './requestLog.js';

/** A listener that passes requests with a valid head on to `handle`, and answers the others with a problem document. */
export const requireValidHead =
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

/**
 * Rewrites the request's target to origin form, `/path?query`, in place.
 *
 * @throws QuorateError MALFORMED if the target is not a valid address, or Host is missing
 */
export function checkHead(req: IncomingMessage): void {
  req.url = originForm(req.url ?? '');
  if (req.httpVersion === '1.1' && req.headers.host === undefined) {
    throw new QuorateError('MALFORMED', 'the header Host is missing', { header: 'Host' });
  }
}

/** Servers must accept absolute targets as well (RFC 9112, section 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  if (/^https?:\/\//i.test(target) && URL.canParse(target)) {
    const { pathname, search } = new URL(target);
    return pathname + search;
  }
  throw new QuorateError('MALFORMED', 'the request target is not a valid address');
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
