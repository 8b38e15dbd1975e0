/** Who may open an event socket, and what they want to read. */
import { type IncomingMessage, type Server as HttpServer, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { QuorateError } from '../../errors.js';
import { parse } from '../../schema.js';
import { type Auth, authorize, type Identity } from '../auth/identity.js';
import { checkOrigin } from '../auth/origins.js';
import type { RateLimits } from '../auth/rateLimits.js';
import { asQuorateError, headersOf, PROBLEM_TYPE, problemOf } from '../http/problemDocument.js';
import { checkHead } from '../http/requestHead.js';
import { requestIdOf } from '../http/requestLog.js';
import type { Services } from '../http/route.js';
import { eventsRoute as eventsRoute, eventsQuery } from '../routes/events.js';

/** What a reader asked for. */
export interface Reading {
  readonly since: number | undefined;
  readonly session: string | undefined;
  /** Of events; undefined: all. */
  readonly types: ReadonlySet<string> | undefined;
}

/** Lets a request for a socket through, or throws what it is refused with. */
export type Gate = (req: IncomingMessage) => Promise<Reading>;

const BEARER = 'quorate.bearer.';

export function upgradeGate(services: Services, auth: Auth, limits: RateLimits): Gate {
  return async (req) => {
    const { coordinator, config, lifecycle } = services;
    checkHead(req);
    const url = parseUrl(req.url ?? '');
    if (url.pathname !== eventsRoute.path) {
      throw new QuorateError('NOT_FOUND', `there is no WebSocket at ${url.pathname}`);
    }
    checkOrigin(req.headers.origin, req.headers.host, config.cors);
    if (req.method !== 'GET') {
      throw new QuorateError('METHOD_NOT_ALLOWED', 'a WebSocket begins with GET', { allowed: ['GET'] });
    }
    const address = addressOf(req, config.trustProxy);
    const query = parse('query', eventsQuery, queryOf(url));
    const identity = await identify(req, query.token, auth).catch(async (error: unknown) => {
      await limits.countAddress(address);
      throw error;
    });
    await limits.count(identity, address);
    authorize('read', identity);
    if (query.session !== undefined) coordinator.session(query.session);
    // Last: it may have begun meanwhile.
    if (lifecycle.isEnding) throw new QuorateError('SHUTTING_DOWN', 'the server is ending');
    const types = query.types === undefined ? undefined : new Set(query.types.split(','));
    return { since: query.since, session: query.session, types };
  };
}

function parseUrl(path: string): URL {
  try {
    return new URL(path, 'http://server');
  } catch (error) {
    throw new QuorateError('MALFORMED', 'the address is malformed', {}, error);
  }
}

/** What is given twice is a list, which no parameter is. */
function queryOf({ searchParams }: URL): Record<string, string | string[]> {
  const values = [...searchParams.keys()].map((name) => [name, searchParams.getAll(name)] as const);
  return Object.fromEntries(values.map(([name, all]) => [name, all.length === 1 ? all[0]! : all]));
}

/** As Koa finds it for other requests. */
function addressOf({ headers, socket }: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy
    ? String(headers['x-forwarded-for'] ?? '')
        .split(',')[0]!
        .trim()
    : '';
  return forwarded === '' ? (socket.remoteAddress ?? '') : forwarded;
}

/** From the header, the query, or the subprotocols: pages can't send headers with a WebSocket. */
async function identify(req: IncomingMessage, token: string | undefined, auth: Auth): Promise<Identity> {
  const { authorization } = req.headers;
  if (authorization !== undefined) return auth.identify(authorization);
  const offered = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const given = token ?? offered.find((name) => name.startsWith(BEARER))?.slice(BEARER.length);
  return given === undefined ? auth.identify(undefined) : auth.identifyToken(given);
}

/** Answers in HTTP, which is what the connection still speaks. */
export function refuseUpgrade(
  req: IncomingMessage,
  duplex: Duplex,
  error: unknown,
  log: Logger,
  headers: Readonly<Record<string, string>> = {},
): void {
  const known = asQuorateError(error);
  const requestId = requestIdOf(req.headers['x-request-id']);
  if (known.code === 'INTERNAL') log.error({ requestId, err: error }, 'an upgrade failed');
  endWith(duplex, rawProblem(known, requestId, headers));
}

/** The other side is not waited for: it may never close, and nobody watches this connection any more. */
export function endWith(duplex: Duplex, answer: string): void {
  duplex.once('finish', () => duplex.destroy());
  duplex.end(answer);
}

/** A problem as a whole HTTP/1.1 answer, for where there is no response object. */
export function rawProblem(
  error: QuorateError,
  requestId: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const problem = problemOf(error, requestId);
  const body = JSON.stringify(problem);
  const headers = {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    'X-Request-Id': requestId,
    Connection: 'close',
    ...headersOf(error),
    ...more,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/**
 * Upgrades to what is not spoken here, HTTP/2 say, which some clients offer with every request. One may pass over an
 * offer (RFC 9110, section 7.8), but Node 20 takes it for accepted and ends the exchange. So the request is put back on
 * its connection without the offer, and read once more.
 */
const offers = new Set(['upgrade', 'http2-settings']);

/** @param head what came behind the request's head */
export function ignoreUpgrade(
  http: HttpServer,
  req: IncomingMessage,
  connection: Duplex,
  head: Buffer,
): void {
  connection.unshift(Buffer.concat([Buffer.from(headOf(req), 'latin1'), head]));
  http.emit('connection', connection);
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = rawHeaders.slice(index, index + 2);
    if (/^connection$/i.test(name!)) lines.push(`${name}: ${withoutOffers(value!)}`);
    else if (!offers.has(name!.toLowerCase())) lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const withoutOffers = (connection: string): string =>
  connection
    .split(',')
    .filter((option) => !offers.has(option.trim().toLowerCase()))
    .join(',');
