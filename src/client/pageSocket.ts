/**
 * Sockets of the page, or of whatever host has WebSocket. It can't send headers: the token goes into the subprotocols,
 * as `quorate.bearer.<token>`, beside the one that the server answers with.
 */
import type { OpenSocket } from './eventStream.js';

export const pageSocket: OpenSocket = ({ url, token, onMessage, signal }) =>
  new Promise((resolve) => {
    const protocols = token === null ? [] : ['quorate', `quorate.bearer.${token}`];
    const socket = new WebSocket(url, protocols);
    // Closing waits for the other side, which may be gone; we don't.
    const close = (): void => {
      socket.close();
      resolve();
    };
    signal.addEventListener('abort', close, { once: true });
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string' && !signal.aborted) onMessage(data);
    };
    socket.onclose = () => {
      signal.removeEventListener('abort', close);
      resolve();
    };
    if (signal.aborted) close();
  });
