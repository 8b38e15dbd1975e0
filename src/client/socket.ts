/** A way to open a WebSocket: Node's `ws` (nodeSocket.ts) or the page's own (pageSocket.ts). */
export interface SocketRequest {
  readonly url: string;
  readonly token: string | null;
  readonly onMessage: (text: string) => void;
  /** Closes it. */
  readonly signal: AbortSignal;
}

/** Resolves when the socket is closed, whatever closed it, also if it was never open. Never throws. */
export type OpenSocket = (request: SocketRequest) => Promise<void>;
