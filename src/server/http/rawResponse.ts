/** Problem documents on connections that have no response object: upgrades, CONNECT, and unparsable requests. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { QuorateError } from '../../errors.js';
import { headersOf, PROBLEM_TYPE, problemOf, toQuorateError } from './problemDocument.js';
import { requestIdOf } from './requestLog.js';

/**
 * Answers a request whose connection was detached from the HTTP server, then closes the connection.
 *
 * @param error anything that was thrown; only an unexpected one is logged
 * @param headers sent in addition to those of the problem
 */
export function refuseDetached(
  req: IncomingMessage,
  connection: Duplex,
  error: unknown,
  log: Logger,
  headers: Readonly<Record<string, string>> = {},
): void {
  const known = toQuorateError(error);
  const requestId = requestIdOf(req.headers['x-request-id']);
  if (known.code === 'INTERNAL') log.error({ requestId, err: error }, 'upgrade failed');
  endWith(connection, rawProblem(known, requestId, headers));
}

/** Writes the response and destroys the connection once it is flushed: the peer may never close its side. */
export function endWith(connection: Duplex, response: string): void {
  connection.once('finish', () => connection.destroy());
  connection.end(response);
}

/** A problem document as a complete HTTP/1.1 response. */
export function rawProblem(
  error: QuorateError,
  requestId: string,
  extraHeaders: Readonly<Record<string, string>> = {},
): string {
  const problem = problemOf(error, requestId);
  const body = JSON.stringify(problem);
  const headers = {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    'X-Request-Id': requestId,
    Connection: 'close',
    ...headersOf(error),
    ...extraHeaders,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}
