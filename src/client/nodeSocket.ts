/** Sockets by the package `ws`: Node 20 has no WebSocket of its own, and this one can send a header. */
import { WebSocket } from 'ws';
import type { OpenSocket } from './eventStream.js';

const HANDSHAKE_MS = 10_000;
/** A server that answers no ping until the next is gone, although nothing may have closed the connection. */
const PING_MS = 5_000;
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** @param pingMs between two pings; the first that is not answered before the next closes the socket */
export const pingingSocket =
  (pingMs: number): OpenSocket =>
  ({ url, token, onMessage, signal }) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, {
        handshakeTimeout: HANDSHAKE_MS,
        maxPayload: MAX_MESSAGE_BYTES,
        ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
      });
      const close = (): void => socket.terminate();
      let heard = true;
      const beat = setInterval(() => {
        if (socket.readyState !== WebSocket.OPEN) return; // the handshake has a timeout of its own
        if (!heard) close();
        else socket.ping();
        heard = false;
      }, pingMs);
      socket.on('pong', () => (heard = true));
      signal.addEventListener('abort', close, { once: true });
      socket.on('message', (data: Buffer, isBinary) => {
        if (!isBinary && !signal.aborted) onMessage(data.toString('utf8'));
      });
      socket.on('error', () => undefined); // 'close' follows, and says all that matters
      socket.on('close', () => {
        clearInterval(beat);
        signal.removeEventListener('abort', close);
        resolve();
      });
      if (signal.aborted) close();
    });

export const nodeSocket = pingingSocket(PING_MS);
