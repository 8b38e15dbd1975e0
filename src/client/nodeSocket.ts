/** Sockets by the package `ws`: Node 20 has no WebSocket of its own, and this one can send a header. */
import { WebSocket } from 'ws';
import type { OpenSocket } from './socket.js';

const HANDSHAKE_MS = 10_000;
const MOST_MESSAGE_BYTES = 1024 * 1024;

export const nodeSocket: OpenSocket = ({ url, token, onMessage, signal }) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: MOST_MESSAGE_BYTES,
      ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
    });
    const close = (): void => socket.terminate();
    signal.addEventListener('abort', close, { once: true });
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary && !signal.aborted) onMessage(data.toString('utf8'));
    });
    socket.on('error', () => undefined); // 'close' follows, and says all that matters
    socket.on('close', () => {
      signal.removeEventListener('abort', close);
      resolve();
    });
    if (signal.aborted) close();
  });
