/**
 * The server's end: not ready, nothing new is taken, what is under way finishes, event sockets close; at the deadline
 * whatever is still open is cut off.
 */
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lifecycle } from '../http/route.js';
import type { EventSockets } from './eventSocket.js';

export class Ending implements Lifecycle {
  private ending: Promise<void> | undefined;

  get isEnding(): boolean {
    return this.ending !== undefined;
  }

  /** Begins the end, once; every caller waits for the same one. */
  begin(end: () => Promise<void>): Promise<void> {
    this.ending ??= end();
    return this.ending;
  }
}

/**
 * Connections that have not brought a byte of a request: clients open some beforehand. The HTTP server takes them for
 * busy, so that they are told apart here.
 */
export class UnusedConnections {
  private readonly open = new Set<Socket>();

  constructor(http: HttpServer) {
    http.on('connection', (socket: Socket) => {
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
    });
  }

  end(): void {
    for (const socket of this.open) if (socket.bytesRead === 0) socket.destroy();
  }
}

/** Resolves when no connection is left, at the deadline at the latest. */
export async function drain(
  http: HttpServer,
  unused: UnusedConnections,
  sockets: EventSockets,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // Closes idle connections as well. A server that never listened has nothing to close.
    http.close(() => {
      resolve();
    });
  });
  unused.end();
  const socketsClosed = sockets.close();
  const cancel = new AbortController();
  const deadline = pause(deadlineMs, undefined, { signal: cancel.signal })
    .then(() => {
      sockets.terminate();
      http.closeAllConnections();
    })
    .catch(() => undefined);
  await Promise.race([Promise.all([closed, socketsClosed]), deadline]);
  cancel.abort();
  await Promise.all([closed, socketsClosed]);
}
