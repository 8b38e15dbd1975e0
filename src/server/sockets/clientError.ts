/**
 * What Node's parser can't read, wherever on a connection it comes. The connection ends, and where an answer can still
 * be told from those before it, it says why.
 */
import {
  type IncomingMessage,
  maxHeaderSize,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { QuorateError } from '../../errors.js';
import { requestIdOf } from '../http/requestLog.js';
import { endWith, rawProblem, refuseUpgrade } from './upgrade.js';

/** In words, for what happens to people who did not write the parser. */
const reasons: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'its head did not come in time',
  HPE_INVALID_EOF_STATE: 'it ended in the middle',
  HPE_PAUSED_H2_UPGRADE: 'HTTP/1.1 is spoken here',
};

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

function refusalOf(code: string): QuorateError {
  if (code !== 'HPE_HEADER_OVERFLOW') {
    return new QuorateError('MALFORMED', `this is no HTTP request: ${reasons[code] ?? code}`);
  }
  return new QuorateError(
    'HEAD_TOO_LARGE',
    `at most ${maxHeaderSize} bytes of address and headers are taken`,
    {
      limitBytes: maxHeaderSize,
    },
  );
}

/** Refuses what is no HTTP, and tunnels, with a problem document. */
export function refuseUnreadable(http: HttpServer, log: Logger): void {
  http.on('connect', (req, duplex) => {
    duplex.on('error', () => undefined);
    const allowed = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
    refuseUpgrade(req, duplex, new QuorateError('METHOD_NOT_ALLOWED', 'this is no proxy', { allowed }), log);
  });
  const exchanges = new WeakMap<Duplex, Set<Exchange>>();
  const follow = (req: IncomingMessage, res: ServerResponse): void => {
    const open = exchanges.get(req.socket) ?? new Set();
    const exchange = { req, res };
    exchanges.set(req.socket, open.add(exchange));
    res.once('close', () => open.delete(exchange));
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) http.prependListener(event, follow);
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Whoever has not said all of a request is not answered: it may not have begun, and would take that for the answer
    // to what it says next.
    const isSilent = error.code === 'ECONNRESET' || error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (isSilent || !socket.writable) return void socket.destroy();
    const open = [...(exchanges.get(socket) ?? [])];
    // It would be read as a part of the answer that is being sent.
    if (open.some(({ res }) => res.headersSent)) return void socket.destroy();
    const problem = refusalOf(error.code ?? error.message);
    const refuse = () => endWith(socket, rawProblem(problem, requestIdOf(undefined)));
    // Requests before it are answered first, or theirs would be taken for this one's answer.
    const before = open.filter(({ req }) => req.complete).at(-1);
    if (before) before.res.once('close', refuse);
    else refuse();
  });
}
