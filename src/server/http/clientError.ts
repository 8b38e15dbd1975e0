/** Requests that Node's HTTP parser rejects, and CONNECT. */
import { maxHeaderSize, type Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { QuorateError } from '../../errors.js';
import { inTurn, type OpenExchanges } from './exchanges.js';
import { endWith, rawProblem, refuseDetached } from './rawResponse.js';
import { requestIdOf } from './requestLog.js';

/** Readable reasons for the parser errors that clients cause without writing raw HTTP. */
const reasons: Readonly<Record<string, string>> = {
  HPE_INVALID_EOF_STATE: 'it ended early',
  HPE_PAUSED_H2_UPGRADE: 'this server speaks HTTP/1.1',
};

/** What Node adds to the errors of its HTTP parser. */
interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string;
  readonly rawPacket?: Uint8Array;
}

/** The first byte of a TLS handshake; no method of HTTP begins with it. */
const TLS_HANDSHAKE = 0x16;
const TLS_REASON =
  'the client spoke TLS, but this port speaks plain HTTP: use an address that begins with http://';

function errorOf({ code = '', reason, rawPacket }: ParserError): QuorateError {
  if (code === 'HPE_INVALID_METHOD' && rawPacket?.[0] === TLS_HANDSHAKE)
    return new QuorateError('MALFORMED', TLS_REASON);
  if (code !== 'HPE_HEADER_OVERFLOW') {
    const known = reasons[code] ?? reason ?? 'it does not follow HTTP/1.1';
    return new QuorateError('MALFORMED', `not a valid HTTP request: ${known}`);
  }
  return new QuorateError(
    'HEAD_TOO_LARGE',
    `the address and headers may have at most ${maxHeaderSize} bytes together`,
    { limitBytes: maxHeaderSize },
  );
}

/**
 * Answers unparsable requests and CONNECT with a problem document and closes the connection. If a response to an
 * earlier request on the connection is still pending, it goes first; if one is being sent, the connection is closed
 * without an answer, which the client would read as part of that response.
 */
export function handleClientErrors(http: HttpServer, exchangesOf: OpenExchanges, log: Logger): void {
  http.on('connect', (req, connection) => {
    connection.on('error', () => undefined);
    const allowed = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
    const error = new QuorateError('METHOD_NOT_ALLOWED', 'this server is not a proxy', { allowed });
    inTurn(connection, exchangesOf, () => refuseDetached(req, connection, error, log));
  });
  http.on('clientError', (error: ParserError, socket) => {
    // No request was completed, and perhaps none was started: a response now would be taken for the next one's.
    const isSilent = error.code === 'ECONNRESET' || error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (isSilent || !socket.writable) return void socket.destroy();
    const open = exchangesOf(socket);
    if (open.some(({ res }) => res.headersSent)) return void socket.destroy();
    const problem = errorOf(error);
    if (problem.message === TLS_REASON) {
      log.warn({ address: (socket as Duplex & { remoteAddress?: string }).remoteAddress }, TLS_REASON);
    }
    const refuse = () => endWith(socket, rawProblem(problem, requestIdOf(undefined)));
    const previous = open.filter(({ req }) => req.complete).at(-1);
    if (previous) previous.res.once('close', refuse);
    else refuse();
  });
}
