/** The WebSocket handshake of /v1/events, and upgrades to other protocols. */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { QuorateError } from '../../errors.js';
import { parse } from '../../schema.js';
import { admitHost, type FindClient } from '../auth/client.js';
import { hostNamesOf } from '../auth/hosts.js';
import { type Auth, authorize, type Identity } from '../auth/identity.js';
import { checkOrigin } from '../auth/origins.js';
import type { RateLimits } from '../auth/rateLimits.js';
import { checkHead } from '../http/requestHead.js';
import type { Services } from '../http/route.js';
import { eventsQuery, eventsRoute } from '../routes/events.js';

/** What a client subscribed to; undefined means no restriction. */
export interface Subscription {
  /** The number of the last event that the client has seen; undefined: only new events. */
  readonly since: number | undefined;
  readonly session: string | undefined;
  /** Event types. */
  readonly types: ReadonlySet<string> | undefined;
}

/** Checks an upgrade request. @throws QuorateError if it is refused */
export type Handshake = (req: IncomingMessage) => Promise<Subscription>;

const BEARER = 'quorate.bearer.';

/** The handshake applies the same checks as the HTTP routes: head, host, origin, token, rate limit, parameters. */
export function createHandshake(
  services: Services,
  auth: Auth,
  limits: RateLimits,
  findClient: FindClient,
): Handshake {
  const policy = { names: hostNamesOf(services.config.listen), isAuthOn: services.isAuthOn };
  return async (req) => {
    const { coordinator, config, lifecycle } = services;
    checkHead(req);
    const client = findClient(req);
    admitHost(req, client.host, policy);
    const url = parseUrl(req.url ?? '');
    if (url.pathname !== eventsRoute.path) {
      throw new QuorateError('NOT_FOUND', `no WebSocket at ${url.pathname}`);
    }
    checkOrigin(req.headers.origin, client, config.cors);
    if (req.method !== 'GET') {
      throw new QuorateError('METHOD_NOT_ALLOWED', 'a WebSocket handshake must be a GET request', {
        allowed: ['GET'],
      });
    }
    const version = req.headers['sec-websocket-version'];
    if (version !== undefined && !/^[0-9]{1,3}$/.test(version)) {
      throw new QuorateError('MALFORMED', 'Sec-WebSocket-Version is not a number', {
        header: 'Sec-WebSocket-Version',
      });
    }
    const query = parse('query', eventsQuery, queryOf(url));
    const identity = await identify(req, query.token, auth).catch(async (error: unknown) => {
      await limits.countAddress(client.address);
      throw error;
    });
    await limits.count(identity, client.address);
    authorize('read', identity);
    if (query.session !== undefined) coordinator.session(query.session);
    // Checked last: shutdown may have begun during the waits above.
    if (lifecycle.isShuttingDown) throw new QuorateError('SHUTTING_DOWN', 'the server is shutting down');
    const types = query.types === undefined ? undefined : new Set(query.types.split(','));
    return { since: query.since, session: query.session, types };
  };
}

function parseUrl(path: string): URL {
  try {
    return new URL(path, 'http://server');
  } catch (error) {
    throw new QuorateError('MALFORMED', 'the request target is not a valid address', {}, error);
  }
}

/** A repeated parameter becomes an array, which no schema accepts. */
function queryOf({ searchParams }: URL): Record<string, string | string[]> {
  const values = [...searchParams.keys()].map((name) => [name, searchParams.getAll(name)] as const);
  return Object.fromEntries(values.map(([name, all]) => [name, all.length === 1 ? all[0]! : all]));
}

/** The token may come in the header, the query or the subprotocols: browsers cannot send headers with a WebSocket. */
async function identify(req: IncomingMessage, token: string | undefined, auth: Auth): Promise<Identity> {
  const { authorization } = req.headers;
  if (authorization !== undefined) return auth.identify(authorization);
  const offered = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const given = token ?? offered.find((name) => name.toLowerCase().startsWith(BEARER))?.slice(BEARER.length);
  return given === undefined ? auth.identify(undefined) : auth.identifyToken(given);
}

/** Whether a request offers WebSockets, perhaps among other protocols. If so, it is the one that is left in Upgrade. */
export function offersWebSocket({ headers, httpVersion }: IncomingMessage): boolean {
  if (httpVersion !== '1.1') return false; // HTTP/1.0 has no upgrades (RFC 9110, section 7.8)
  const offered = String(headers.upgrade).split(',');
  if (!offered.some((name) => name.trim().toLowerCase() === 'websocket')) return false;
  headers.upgrade = 'websocket';
  return true;
}

const upgradeHeaders = new Set(['upgrade', 'http2-settings']);

/**
 * Serves a request as if it had not offered to upgrade. Some clients offer HTTP/2 with every request, and a server may
 * ignore the offer (RFC 9110, section 7.8), but Node 20 treats it as accepted and detaches the connection. So the
 * request is put back on its connection without the offer, and parsed again.
 *
 * @param head the bytes that followed the request's head
 */
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
    if (/^connection$/i.test(name!)) lines.push(`${name}: ${withoutUpgrade(value!)}`);
    else if (!upgradeHeaders.has(name!.toLowerCase())) lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const withoutUpgrade = (connection: string): string =>
  connection
    .split(',')
    .filter((option) => !upgradeHeaders.has(option.trim().toLowerCase()))
    .join(',');
