/** Graceful shutdown: refuse new work, finish requests in progress, close event sockets, cut off the rest at a deadline. */
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lifecycle } from './http/route.js';
import type { EventSockets } from './sockets/eventSocket.js';

/** Whether shutdown has begun, and the one promise that all callers of `close()` share. */
export class Shutdown implements Lifecycle {
  private finished: Promise<void> | undefined;

  get isShuttingDown(): boolean {
    return this.finished !== undefined;
  }

  /** Runs `work` on the first call; later calls return the same promise. */
  begin(work: () => Promise<void>): Promise<void> {
    this.finished ??= work();
    return this.finished;
  }
}

/**
 * Connections on which no byte of a request has arrived; clients open some in advance. The HTTP server counts them as
 * active, so `http.close()` would wait for them.
 */
export class UnusedConnections {
  private readonly open = new Set<Socket>();

  constructor(http: HttpServer) {
    http.on('connection', (socket: Socket) => {
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
    });
  }

  destroy(): void {
    for (const socket of this.open) if (socket.bytesRead === 0) socket.destroy();
  }
}

/** Resolves when no connection is left. At the deadline, the remaining ones are destroyed. */
export async function drain(
  http: HttpServer,
  unused: UnusedConnections,
  sockets: EventSockets,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // Also closes idle connections. The error of a server that never listened does not matter.
    http.close(() => {
      resolve();
    });
  });
  unused.destroy();
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
