import type { OpenSocket } from './eventStream.js';

/**
 * Sockets of a browser, or any host with the WebSocket class. It cannot send headers, so the token is sent as the
 * subprotocol `quorate.bearer.<token>`, next to `quorate`, which the server selects.
 */
export const pageSocket: OpenSocket = ({ url, token, onMessage, signal }) =>
  new Promise((resolve) => {
    const protocols = token === null ? [] : ['quorate', `quorate.bearer.${token}`];
    const socket = new WebSocket(url, protocols);
    // Resolve at once: the closing handshake may never complete.
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
