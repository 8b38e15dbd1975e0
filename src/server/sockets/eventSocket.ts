/**
 * WS /v1/events: a hello message, then every event after `since`. The backlog is sent in pages at the reader's speed.
 * New events are sent at once, and a reader that leaves too many unread is disconnected; it reconnects with ?since= and
 * misses nothing.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { QuorateError } from '../../errors.js';
import { version } from '../../manifest.js';
import type { NumberedEvent } from '../../store/store.js';
import { inTurn, type OpenExchanges } from '../http/exchanges.js';
import { refuseDetached } from '../http/rawResponse.js';
import type { Services } from '../http/route.js';
import { type Handshake, ignoreUpgrade, offersWebSocket, type Subscription } from './upgrade.js';

/** Backlog events read from the log at a time. */
const PAGE_EVENTS = 256;
/** Clients are not expected to send anything. */
const MAX_MESSAGE_BYTES = 1024;
const CLOSE_GRACE_MS = 1000;

/** Close codes (RFC 6455, section 7.4.1). */
export const closing = { goingAway: 1001, unsupported: 1003, internal: 1011 } as const;

/** The open event sockets of a server. */
export interface EventSockets {
  readonly count: number;
  /** Handles the upgrade requests of an HTTP server. */
  attach(http: HttpServer, exchangesOf: OpenExchanges): void;
  /** Starts the closing handshake on every socket; resolves when all are closed. */
  close(): Promise<void>;
  /** Closes every socket at once. */
  terminate(): void;
}

const messages = new WeakMap<NumberedEvent, Buffer>();

/** Serialized once for all readers. */
function messageOf(event: NumberedEvent): Buffer {
  const { number, atMs, body } = event;
  const message = messages.get(event) ?? Buffer.from(JSON.stringify({ number, atMs, ...body }));
  messages.set(event, message);
  return message;
}

const matches = ({ body }: NumberedEvent, { session, types }: Subscription): boolean =>
  (session === undefined || body.session === session) &&
  (types === undefined || types.has(String(body.type)));

export function createEventSockets(services: Services, handshake: Handshake): EventSockets {
  const { log, config } = services;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    // As the client spelled it, which is what it compares with.
    handleProtocols: (protocols) => [...protocols].find((name) => /^quorate$/i.test(name)) ?? false,
  });
  server.on('wsClientError', (error, duplex, req) => {
    const problem = new QuorateError('MALFORMED', `not a valid WebSocket handshake: ${error.message}`);
    refuseDetached(req, duplex, problem, log, { 'Sec-WebSocket-Version': '13' });
  });
  const responsive = new WeakSet<WebSocket>();

  const check = (): void => {
    for (const socket of server.clients) {
      if (!responsive.has(socket)) socket.terminate();
      else socket.ping();
      responsive.delete(socket);
    }
  };
  // After what has arrived is read: the process may have been stopped, and the answers lie in the sockets.
  const pingTimer = setInterval(() => setImmediate(check), config.limits.socketPingMs).unref();

  const open = (socket: WebSocket, subscription: Subscription) => {
    responsive.add(socket);
    socket.on('pong', () => responsive.add(socket));
    // On a malformed frame, ws has already closed the socket with the right code.
    socket.on('error', (error) => {
      log.debug({ err: error }, 'event socket failed');
    });
    socket.on('message', () => {
      socket.close(closing.unsupported, 'this socket accepts no messages');
    });
    sendEvents(socket, subscription, services).catch((error: unknown) => {
      log.error({ err: error }, 'sending events failed');
      socket.close(closing.internal);
    });
  };

  const upgrade = (req: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const failed = (error: Error) => {
      log.debug({ err: error }, 'event socket failed during the handshake');
    };
    duplex.on('error', failed);
    handshake(req)
      .then((subscription) => {
        if (duplex.destroyed) return;
        server.handleUpgrade(req, duplex, head, (socket) => {
          duplex.off('error', failed);
          open(socket, subscription);
        });
      })
      .catch((error: unknown) => {
        refuseDetached(req, duplex, error, log);
      });
  };

  return {
    get count() {
      return server.clients.size;
    },
    attach(http, exchangesOf) {
      http.on('upgrade', (req, duplex, head) => {
        inTurn(duplex, exchangesOf, () => {
          if (offersWebSocket(req)) upgrade(req, duplex, head);
          else ignoreUpgrade(http, req, duplex, head);
        });
      });
    },
    async close() {
      clearInterval(pingTimer);
      const all = [...server.clients].map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once('close', () => {
              resolve();
            });
            socket.close(closing.goingAway, 'the server is shutting down');
            // The peer may be gone and never complete the closing handshake.
            setTimeout(() => {
              socket.terminate();
            }, CLOSE_GRACE_MS).unref();
          }),
      );
      await Promise.all(all);
    },
    terminate() {
      for (const socket of server.clients) socket.terminate();
    },
  };
}

/** Sends the hello message and the backlog, then subscribes the socket to new events. */
async function sendEvents(socket: WebSocket, subscription: Subscription, services: Services): Promise<void> {
  const { events } = services.coordinator;
  const maxBufferedBytes = services.config.limits.socketBufferBytes;
  const { first, last } = events;
  let seen = Math.min(subscription.since ?? last, last);
  socket.send(JSON.stringify({ type: 'hello', first, last, server: version }));

  while (isOpen(socket) && seen < events.last) {
    const page = events.since(seen, PAGE_EVENTS);
    if (page.length === 0) break;
    for (const event of page) if (matches(event, subscription)) sendEvent(socket, event);
    seen = page[page.length - 1]!.number;
    await yieldToOthers();
    if (socket.bufferedAmount > maxBufferedBytes / 2) await drained(socket);
  }
  if (!isOpen(socket)) return;

  // No event can be missed here: nothing has been awaited since the log was last read.
  const unsubscribe = events.subscribe((event) => {
    if (!matches(event, subscription)) return;
    if (socket.bufferedAmount > maxBufferedBytes) socket.terminate();
    else sendEvent(socket, event);
  });
  socket.once('close', unsubscribe);
}

const sendEvent = (socket: WebSocket, event: NumberedEvent): void =>
  socket.send(messageOf(event), { binary: false });

const isOpen = (socket: WebSocket): boolean => socket.readyState === socket.OPEN;

/** Resolves when everything sent so far is flushed, or the socket failed: a ping is queued behind it. */
const drained = (socket: WebSocket): Promise<void> =>
  new Promise((resolve) => {
    socket.ping(undefined, undefined, () => {
      resolve();
    });
  });
