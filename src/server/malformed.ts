/** What node:http would refuse in words of its own, or drop without any: answered with problem documents like all else. */
import type { RequestListener, Server as HttpServer } from 'node:http';
import type { Logger } from 'pino';
import { QuorateError } from '../errors.js';
import { requestIdOf } from './requestLog.js';
import { rawProblem, refuseUpgrade } from './upgrade.js';

/** In words, for what happens to people who did not write the parser. */
const reasons: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'its address and headers are too long',
  ERR_HTTP_REQUEST_TIMEOUT: 'its head did not come in time',
  HPE_INVALID_EOF_STATE: 'it ended in the middle',
  HPE_PAUSED_H2_UPGRADE: 'HTTP/1.1 is spoken here',
};

/** @param callback gets requests whose `Expect` means nothing here: one may pass over it (RFC 9110, section 10.1.1) */
export function refuseMalformed(http: HttpServer, callback: RequestListener, log: Logger): void {
  http.on('checkExpectation', callback);
  http.on('connect', (req, duplex) => {
    duplex.on('error', () => undefined);
    const allowed = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
    refuseUpgrade(req, duplex, new QuorateError('METHOD_NOT_ALLOWED', 'this is no proxy', { allowed }), log);
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const code = error.code ?? error.message;
    const problem = new QuorateError('MALFORMED', `this is no HTTP request: ${reasons[code] ?? code}`);
    socket.end(rawProblem(problem, requestIdOf(undefined)));
  });
}
