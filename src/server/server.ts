/** The server: a coordinator's HTTP and WebSocket side. */
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Coordinator } from '../coordinator/coordinator.js';
import type { Engine } from '../core/engine.js';
import { QuorateError } from '../errors.js';
import { makeApp } from './app.js';
import { Auth } from './auth/identity.js';
import { RateLimits } from './auth/rateLimits.js';
import { BodyBudget, holdBack } from './bodies/body.js';
import type { ServerConfig } from './config/config.js';
import { soundHeads } from './http/requestHead.js';
import type { Services } from './http/route.js';
import { refuseUnreadable } from './sockets/clientError.js';
import { eventSockets } from './sockets/eventSocket.js';
import { drain, Ending, UnusedConnections } from './sockets/shutdown.js';
import { upgradeGate } from './sockets/upgrade.js';

export interface ServerOptions {
  /** Stays the caller's: closed by the caller, after the server. */
  readonly coordinator: Coordinator;
  /** Checked already: by `loadConfig` or `configSchema`. */
  readonly config: ServerConfig;
  readonly log: Logger;
  /** For POST /v1/aggregate. Default: the process's own. */
  readonly engine?: Engine;
}

export interface Server {
  /** Made because auth is on and no admin token is configured: to be shown to whoever starts the server. Else null. */
  readonly madeAdminToken: string | null;
  /** For an HTTP server of one's own; without WebSockets, and without the limits on connections and headers. */
  callback(): RequestListener;
  /** Creates the configured sessions, then listens where the configuration says. @throws QuorateError SESSION_EXISTS, INVALID_PARAMETER for an address that can't be had */
  listen(): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /** Ends gracefully, in shutdownDeadlineMs at most. What is under way finishes. May be called again. */
  close(): Promise<void>;
}

/**
 * @example
 * const server = createServer({ coordinator, config: await loadConfig(), log: pino() });
 * const { url } = await server.listen();
 */
export function createServer({ coordinator, config, log, engine }: ServerOptions): Server {
  const auth = new Auth(config, coordinator);
  const limits = new RateLimits(config.limits.requestsPerMinute);
  const ending = new Ending();
  const services: Services = {
    coordinator,
    config,
    log,
    engine,
    lifecycle: ending,
    isAuthOn: auth.isOn,
    room: new BodyBudget(config.limits.bodiesBytes),
    sockets: () => sockets.count,
  };
  const sockets = eventSockets(services, upgradeGate(services, auth, limits));
  const app = makeApp(services, auth, limits);
  const handle = app.callback();
  const callback = soundHeads((req, res) => void handle(req, res));
  const http = httpServer(config, callback, log);
  const unused = new UnusedConnections(http);
  sockets.attach(http);

  return {
    madeAdminToken: auth.madeToken,
    callback: () => callback,
    async listen() {
      for (const session of config.sessions) await coordinator.createSession(session);
      const { host, port } = config.listen;
      await new Promise<void>((resolve, reject) => {
        http.once('error', (error: NodeJS.ErrnoException) => {
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
      ending.begin(async () => {
        log.info('ending');
        await drain(http, unused, sockets, config.shutdownDeadlineMs);
        log.info('ended');
      }),
  };
}

function httpServer({ limits }: ServerConfig, callback: RequestListener, log: Logger): HttpServer {
  const http = createHttpServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      // Bodies may take as long as they make progress.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(limits.headersTimeoutMs, 5000),
      keepAliveTimeout: 30_000,
      noDelay: true,
      // Missing, it is refused as everything else is.
      requireHostHeader: false,
    },
    callback,
  );
  http.maxConnections = limits.connections;
  http.on('checkContinue', (req, res) => {
    holdBack(req);
    callback(req, res);
  });
  // Expectations that nobody knows may be passed over (RFC 9110, section 10.1.1).
  http.on('checkExpectation', callback);
  refuseUnreadable(http, log);
  return http;
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): QuorateError {
  const where = { EADDRINUSE: 'another program listens there', EACCES: 'this user may not listen there' };
  const reason = where[error.code as keyof typeof where] ?? error.message;
  const details = { parameter: 'listen', value: { host, port } };
  return new QuorateError(
    'INVALID_PARAMETER',
    `cannot listen on ${host}, port ${port}: ${reason}`,
    details,
    error,
  );
}
