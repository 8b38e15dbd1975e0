/**
 * The server's end: not ready, nothing new is taken, what is under way finishes, event sockets close; at the deadline
 * whatever is still open is cut off.
 */
import type { Server as HttpServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventSockets } from './socket.js';

export interface Lifecycle {
  readonly isEnding: boolean;
}

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

/** Resolves when no connection is left, at the deadline at the latest. */
export async function drain(http: HttpServer, sockets: EventSockets, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // Closes idle connections as well. A server that never listened has nothing to close.
    http.close(() => {
      resolve();
    });
  });
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
