/** The server: a coordinator behind HTTP and WebSocket. */
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Coordinator } from '../coordinator/coordinator.js';
import type { Engine } from '../core/engine.js';
import { QuorateError } from '../errors.js';
import { createApp } from './app.js';
import { clientFinder } from './auth/client.js';
import { Auth } from './auth/identity.js';
import { RateLimits } from './auth/rateLimits.js';
import { BodyBudget, markAwaitingContinue } from './bodies/body.js';
import { requireTokensBehindProxy, type ServerConfig } from './config/config.js';
import { handleClientErrors } from './http/clientError.js';
import { trackExchanges } from './http/exchanges.js';
import { portInUse } from './http/problemDocument.js';
import { requireValidHead } from './http/requestHead.js';
import type { Services } from './http/route.js';
import { drain, Shutdown, UnusedConnections } from './shutdown.js';
import { createEventSockets } from './sockets/eventSocket.js';
import { createHandshake } from './sockets/upgrade.js';

/** What `createServer` needs. The server closes none of it: that is the caller's part, after `close()`. */
export interface ServerOptions {
  /** Runs the sessions. Open it with `tokens: isAuthOn(config)`, or its nodes get no tokens. */
  readonly coordinator: Coordinator;
  /** A complete configuration: from `loadConfig`, or parsed with `configSchema`. */
  readonly config: ServerConfig;
  /** A pino logger. Tokens, headers and queries are never logged. */
  readonly log: Logger;
  /** Runs POST /v1/aggregate. Default: the process's shared engine. */
  readonly engine?: Engine;
}

/** A server, made by `createServer`. */
export interface Server {
  /**
   * The admin token that was generated because tokens are required and none is configured; otherwise null. It is shown
   * nowhere else, so pass it on to the operator.
   */
  readonly generatedAdminToken: string | null;
  /**
   * The request listener, for an HTTP server of your own. It does not serve WebSockets, and the limits on connections
   * and header timeouts are up to that server.
   */
  callback(): RequestListener;
  /**
   * Creates the sessions of the configuration, then listens at `config.listen`.
   *
   * @returns the bound address; `port` is the actual one if 0 was configured
   * @throws QuorateError SESSION_EXISTS if a configured session exists with another configuration, PORT_IN_USE
   *   if another process listens there, INVALID_PARAMETER if the address cannot be bound for another reason
   */
  listen(): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /**
   * Shuts down gracefully: refuses new requests with SHUTTING_DOWN, lets running ones finish, closes event sockets, and
   * cuts off what remains after `config.shutdownDeadlineMs`. Repeated calls return the same promise.
   */
  close(): Promise<void>;
}

/**
 * Creates a server for a coordinator. Nothing is opened before `listen()`.
 *
 * @throws QuorateError INVALID_PARAMETER if `trustProxy` is set and no tokens are required
 * @example
 * const config = await loadConfig({ file: 'server.yaml', environment: process.env });
 * const store = await openDiskStore('data');
 * const coordinator = await createCoordinator({ store, tokens: isAuthOn(config) });
 * const server = createServer({ coordinator, config, log: pino() });
 * const { url } = await server.listen();
 * // …
 * await server.close();
 * await coordinator.close();
 */
export function createServer({ coordinator, config, log, engine }: ServerOptions): Server {
  requireTokensBehindProxy(config);
  const auth = new Auth(config, coordinator);
  const limits = new RateLimits(config.limits.requestsPerMinute);
  const findClient = clientFinder(config.trustProxy);
  const shutdown = new Shutdown();
  const services: Services = {
    coordinator,
    config,
    log,
    engine,
    lifecycle: shutdown,
    isAuthOn: auth.isOn,
    bodyBudget: new BodyBudget(config.limits.bodiesBytes),
    openSockets: () => sockets.count,
  };
  const sockets = createEventSockets(services, createHandshake(services, auth, limits, findClient));
  const app = createApp(services, auth, limits, findClient);
  const handle = app.callback();
  const callback = requireValidHead((req, res) => void handle(req, res));
  const http = createConfiguredHttpServer(config, callback);
  const exchangesOf = trackExchanges(http);
  handleClientErrors(http, exchangesOf, log);
  const unused = new UnusedConnections(http);
  let hasFailed = false;
  sockets.attach(http, exchangesOf);

  return {
    generatedAdminToken: auth.generatedToken,
    callback: () => callback,
    async listen() {
      for (const session of config.sessions) await coordinator.createSession(session);
      const { host, port } = config.listen;
      await new Promise<void>((resolve, reject) => {
        http.once('error', (error: NodeJS.ErrnoException) => {
          hasFailed = true;
          reject(cannotListen(host, port, error));
        });
        http.listen({ host, port }, () => {
          http.removeAllListeners('error');
          resolve();
        });
      });
      const bound = (http.address() as AddressInfo).port;
      const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
      log.info({ url, auth: auth.isOn }, 'listening');
      return { host, port: bound, url };
    },
    close: () =>
      shutdown.begin(async () => {
        // A server that never listened has nothing to say.
        if (!hasFailed) log.info('shutting down');
        await drain(http, unused, sockets, config.shutdownDeadlineMs);
        if (!hasFailed) log.info('shut down');
      }),
  };
}

function createConfiguredHttpServer({ limits }: ServerConfig, callback: RequestListener): HttpServer {
  const http = createHttpServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      // Bodies may take as long as they make progress.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(limits.headersTimeoutMs, 5000),
      keepAliveTimeout: 30_000,
      noDelay: true,
      // Requests without Host are refused by requireValidHead, with a problem document.
      requireHostHeader: false,
    },
    callback,
  );
  http.maxConnections = limits.connections;
  http.on('checkContinue', (req, res) => {
    markAwaitingContinue(req);
    callback(req, res);
  });
  // A server may ignore expectations that it does not know (RFC 9110, section 10.1.1).
  http.on('checkExpectation', callback);
  return http;
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): QuorateError {
  if (error.code === 'EADDRINUSE') return portInUse(host, port, error);
  const reason = error.code === 'EACCES' ? 'permission denied' : error.message;
  const details = { parameter: 'listen', value: { host, port } };
  return new QuorateError(
    'INVALID_PARAMETER',
    `cannot listen on ${host}, port ${port}: ${reason}`,
    details,
    error,
  );
}
