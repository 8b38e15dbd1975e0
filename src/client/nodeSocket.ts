/** WebSockets of the package `ws`: Node 20 has no WebSocket of its own, and `ws` can send headers. */
import { WebSocket } from 'ws';
import type { OpenSocket } from './eventStream.js';

const HANDSHAKE_MS = 10_000;
/** A server that misses a ping is considered gone, even if the connection is still open. */
const PING_MS = 5_000;
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** @param pingMs interval of pings; the socket closes if one is not answered before the next */
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
      let isResponsive = true;
      const pingTimer = setInterval(() => {
        if (socket.readyState !== WebSocket.OPEN) return; // the handshake has a timeout of its own
        if (!isResponsive) close();
        else socket.ping();
        isResponsive = false;
      }, pingMs);
      socket.on('pong', () => (isResponsive = true));
      signal.addEventListener('abort', close, { once: true });
      socket.on('message', (data: Buffer, isBinary) => {
        if (!isBinary && !signal.aborted) onMessage(data.toString('utf8'));
      });
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => {
        clearInterval(pingTimer);
        signal.removeEventListener('abort', close);
        resolve();
      });
      if (signal.aborted) close();
    });

/** The sockets of Node, Deno and Bun. */
export const nodeSocket = pingingSocket(PING_MS);
