/** Checks of a request's target and Host, which Node's parser accepts in forms that the rest of the server cannot use. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { QuorateError } from '../../errors.js';
import { hostIn } from '../auth/hosts.js';
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

/** Fields with a single value. Of two, the parser keeps the first or joins both; a proxy before may have used the other. */
const single = [
  ...['host', 'authorization', 'content-type', 'content-length', 'origin', 'range', 'if-range'],
  ...['if-modified-since', 'if-unmodified-since', 'quorate-num-examples', 'quorate-metrics'],
] as const;

/** The versions that this server speaks; Node's parser takes requests of HTTP/0.9 as well. */
const versions: readonly string[] = ['1.0', '1.1'];

function checkFields({ headersDistinct, headers, httpVersion }: IncomingMessage): void {
  if (!versions.includes(httpVersion)) {
    throw new QuorateError('MALFORMED', `HTTP/${httpVersion} is not supported; this server speaks HTTP/1.1`);
  }
  const repeated = single.find((name) => (headersDistinct[name]?.length ?? 0) > 1);
  if (repeated !== undefined) {
    throw new QuorateError('MALFORMED', `the header ${repeated} comes twice`, { header: repeated });
  }
  const coding = headers['transfer-encoding'];
  if (coding === undefined || (coding === 'chunked' && httpVersion === '1.1')) return;
  const reason = httpVersion === '1.1' ? 'must be chunked' : 'is unknown to HTTP/1.0';
  throw new QuorateError('MALFORMED', `the header Transfer-Encoding ${reason}`, {
    header: 'Transfer-Encoding',
  });
}

/** Headers that consist of case-insensitive tokens alone. In lower case, no reader of them can forget that. */
const caseless = ['accept', 'accept-encoding', 'content-encoding', 'transfer-encoding', 'upgrade'] as const;

/**
 * Rewrites the request's target to origin form, `/path?query`, in place, and Host to the host that the request is for.
 *
 * @throws QuorateError MALFORMED if the target is not a valid address, Host is missing or not a host, a field that has one
 *   value comes twice, or the body's transfer coding isn't known
 */
export function checkHead(req: IncomingMessage): void {
  for (const name of caseless) {
    const value = req.headers[name];
    if (typeof value === 'string') req.headers[name] = value.toLowerCase();
  }
  checkFields(req);
  const { host } = req.headers;
  if (req.httpVersion === '1.1' && host === undefined) {
    throw new QuorateError('MALFORMED', 'the header Host is missing', { header: 'Host' });
  }
  if (host !== undefined) hostIn(host);
  const target = req.url ?? '';
  if (target.startsWith('/') || target === '*') return;
  // Servers must accept absolute targets, whose host counts instead of Host (RFC 9112, section 3.2.2).
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) {
    throw new QuorateError('MALFORMED', 'the request target is not a valid address');
  }
  const absolute = new URL(target);
  req.url = absolute.pathname + absolute.search;
  req.headers.host = absolute.host;
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
