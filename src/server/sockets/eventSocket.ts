/**
 * WS /v1/events: hello, then every event from where the reader stopped. What was missed is sent by pages, at the
 * reader's speed; what happens from then on is sent at once, and a reader that leaves too much of it unread is
 * dropped: it comes back with ?since= and loses nothing.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { QuorateError } from '../../errors.js';
import { version } from '../../manifest.js';
import type { NumberedEvent } from '../../store/store.js';
import type { Services } from '../http/route.js';
import { type Gate, ignoreUpgrade, type Reading, refuseUpgrade } from './upgrade.js';

/** Events that are read from the log at a time. */
const PAGE = 256;
/** Readers have nothing to say. */
const MAX_MESSAGE_BYTES = 1024;
const CLOSE_GRACE_MS = 1000;

/** Close codes (RFC 6455, section 7.4.1). */
export const closing = { goingAway: 1001, unsupported: 1003, internal: 1011 } as const;

export interface EventSockets {
  readonly count: number;
  /** Takes upgrades of this server. */
  attach(http: HttpServer): void;
  /** Asks all to close, and resolves when they have. */
  close(): Promise<void>;
  terminate(): void;
}

const messages = new WeakMap<NumberedEvent, Buffer>();

/** Made once for all readers. */
function messageOf(event: NumberedEvent): Buffer {
  const { number, atMs, body } = event;
  const message = messages.get(event) ?? Buffer.from(JSON.stringify({ number, atMs, ...body }));
  messages.set(event, message);
  return message;
}

const concerns = ({ body }: NumberedEvent, { session, types }: Reading): boolean =>
  (session === undefined || body.session === session) &&
  (types === undefined || types.has(String(body.type)));

export function eventSockets(services: Services, gate: Gate): EventSockets {
  const { log, config } = services;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has('quorate') ? 'quorate' : false),
  });
  server.on('wsClientError', (error, duplex, req) => {
    const problem = new QuorateError('MALFORMED', `this is no WebSocket handshake: ${error.message}`);
    refuseUpgrade(req, duplex, problem, log, { 'Sec-WebSocket-Version': '13' });
  });
  const answered = new WeakSet<WebSocket>();

  const beat = setInterval(() => {
    for (const socket of server.clients) {
      if (!answered.has(socket)) socket.terminate();
      else socket.ping();
      answered.delete(socket);
    }
  }, config.limits.socketPingMs).unref();

  const open = (socket: WebSocket, reading: Reading) => {
    answered.add(socket);
    socket.on('pong', () => answered.add(socket));
    // Malformed frames: ws has closed the socket with the right code already.
    socket.on('error', (error) => {
      log.debug({ err: error }, 'a socket failed');
    });
    socket.on('message', () => {
      socket.close(closing.unsupported, 'nothing is taken here');
    });
    follow(socket, reading, services).catch((error: unknown) => {
      log.error({ err: error }, 'events could not be sent');
      socket.close(closing.internal);
    });
  };

  const upgrade = (req: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const failed = (error: Error) => {
      log.debug({ err: error }, 'a socket failed before it was open');
    };
    duplex.on('error', failed);
    gate(req)
      .then((reading) => {
        if (duplex.destroyed) return;
        server.handleUpgrade(req, duplex, head, (socket) => {
          duplex.off('error', failed);
          open(socket, reading);
        });
      })
      .catch((error: unknown) => {
        refuseUpgrade(req, duplex, error, log);
      });
  };

  return {
    get count() {
      return server.clients.size;
    },
    attach(http) {
      http.on('upgrade', (req, duplex, head) => {
        if (/\bwebsocket\b/i.test(String(req.headers.upgrade))) upgrade(req, duplex, head);
        else ignoreUpgrade(http, req, duplex, head);
      });
    },
    async close() {
      clearInterval(beat);
      const all = [...server.clients].map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once('close', () => {
              resolve();
            });
            socket.close(closing.goingAway, 'the server is ending');
            // Closing takes two; the other side may be gone.
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

/** Sends hello, what the reader missed, and from then on whatever happens. */
async function follow(socket: WebSocket, reading: Reading, services: Services): Promise<void> {
  const { events } = services.coordinator;
  const bound = services.config.limits.socketBufferBytes;
  const { first, last } = events;
  let seen = Math.min(reading.since ?? last, last);
  socket.send(JSON.stringify({ type: 'hello', first, last, server: version }));

  while (isOpen(socket) && seen < events.last) {
    const page = events.since(seen, PAGE);
    if (page.length === 0) break;
    for (const event of page) if (concerns(event, reading)) tell(socket, event);
    seen = page[page.length - 1]!.number;
    // At the reader's speed, and others have their turn.
    await turn();
    if (socket.bufferedAmount > bound / 2) await drained(socket);
  }
  if (!isOpen(socket)) return;

  // Nothing can have happened since the last look at the log: nothing was waited for.
  const unsubscribe = events.subscribe((event) => {
    if (!concerns(event, reading)) return;
    if (socket.bufferedAmount > bound) socket.terminate();
    else tell(socket, event);
  });
  socket.once('close', unsubscribe);
}

const tell = (socket: WebSocket, event: NumberedEvent): void =>
  socket.send(messageOf(event), { binary: false });

const isOpen = (socket: WebSocket): boolean => socket.readyState === socket.OPEN;

/** A ping is sent after everything before it: when it is out, or has failed, the rest need not be waited for. */
const drained = (socket: WebSocket): Promise<void> =>
  new Promise((resolve) => {
    socket.ping(undefined, undefined, () => {
      resolve();
    });
  });
