/** Requests that Node's HTTP parser rejects, and CONNECT. */
import {
  type IncomingMessage,
  maxHeaderSize,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { QuorateError } from '../../errors.js';
import { endWith, rawProblem, refuseDetached } from './rawResponse.js';
import { requestIdOf } from './requestLog.js';

/** Readable reasons for the parser errors that clients cause without writing raw HTTP. */
const reasons: Readonly<Record<string, string>> = {
  HPE_INVALID_EOF_STATE: 'it ended early',
  HPE_PAUSED_H2_UPGRADE: 'this server speaks HTTP/1.1',
};

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

function errorOf(code: string): QuorateError {
  if (code !== 'HPE_HEADER_OVERFLOW') {
    return new QuorateError('MALFORMED', `not a valid HTTP request: ${reasons[code] ?? code}`);
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
export function handleClientErrors(http: HttpServer, log: Logger): void {
  http.on('connect', (req, connection) => {
    connection.on('error', () => undefined);
    const allowed = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
    const error = new QuorateError('METHOD_NOT_ALLOWED', 'this server is not a proxy', { allowed });
    refuseDetached(req, connection, error, log);
  });
  const exchanges = new WeakMap<Duplex, Set<Exchange>>();
  const track = (req: IncomingMessage, res: ServerResponse): void => {
    const open = exchanges.get(req.socket) ?? new Set();
    const exchange = { req, res };
    exchanges.set(req.socket, open.add(exchange));
    res.once('close', () => open.delete(exchange));
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) http.prependListener(event, track);
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // No request was completed, and perhaps none was started: a response now would be taken for the next one's.
    const isSilent = error.code === 'ECONNRESET' || error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (isSilent || !socket.writable) return void socket.destroy();
    const open = [...(exchanges.get(socket) ?? [])];
    if (open.some(({ res }) => res.headersSent)) return void socket.destroy();
    const problem = errorOf(error.code ?? error.message);
    const refuse = () => endWith(socket, rawProblem(problem, requestIdOf(undefined)));
    const previous = open.filter(({ req }) => req.complete).at(-1);
    if (previous) previous.res.once('close', refuse);
    else refuse();
  });
}
