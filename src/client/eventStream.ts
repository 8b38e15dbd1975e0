/** The server's events as an async iterable. */
import * as z from 'zod';
import { QuorateError } from '../errors.js';
import { readMessage } from './feedEvent.js';
import type { Transport } from './transport.js';
import { aborted, linkedController } from './waiting.js';

/** Which events to receive. */
export interface EventsOptions {
  /** Only events of this session. Default: of all sessions. */
  readonly session?: string;
  /** The number of the last event received: those after it come first. Default: only new events. */
  readonly since?: number;
  /** Ends the iteration with ABORTED. */
  readonly signal?: AbortSignal;
}

const eventSchema = z.looseObject({
  number: z.int(),
  atMs: z.number(),
  type: z.string(),
});

/** An event of a session, a round or a node. `type` determines the further members; see docs/protocol.md. */
export interface ServerEvent {
  /** Numbered without gaps, across restarts of the server as well. */
  readonly number: number;
  /** Unix time in milliseconds. */
  readonly atMs: number;
  /** Such as 'round-committed'. */
  readonly type: string;
  readonly [member: string]: unknown;
}

/** Characters that may wait to be read. Beyond this the socket is closed, as the server does with readers that stall. */
const MAX_WAITING = 4 * 1024 * 1024;

/**
 * The events of one socket. A reader that falls behind still receives what arrived before the socket was closed.
 *
 * @throws QuorateError CONNECTION_FAILED when the socket closes or the reader fell behind, ABORTED by the signal,
 *   BAD_RESPONSE
 */
export async function* streamEvents(
  transport: Transport,
  openSocket: OpenSocket,
  { session, since, signal = new AbortController().signal }: EventsOptions,
): AsyncGenerator<ServerEvent, never> {
  const query = new URLSearchParams();
  if (session !== undefined) query.set('session', session);
  if (since !== undefined) query.set('since', String(since));
  const path = `/v1/events?${query.toString()}`;
  const { controller, unlink } = linkedController(signal);
  const waiting: string[] = [];
  let waitingCharacters = 0;
  let fellBehind = false;
  let closed = false;
  let wake = (): void => undefined;
  const request = {
    url: transport.socketUrl(path),
    token: transport.token,
    onMessage: (text: string) => {
      waiting.push(text);
      waitingCharacters += text.length;
      fellBehind ||= waitingCharacters > MAX_WAITING;
      if (fellBehind) controller.abort();
      wake();
    },
    signal: controller.signal,
  };
  void openSocket(request).then(() => {
    closed = true;
    wake();
  });

  try {
    for (let last = since ?? null; ;) {
      const text = waiting.shift();
      if (text !== undefined) {
        waitingCharacters -= text.length;
        const event = eventOf(text);
        last = event?.number ?? last;
        if (event) yield event;
      } else if (signal.aborted) throw aborted(signal);
      else if (fellBehind) throw behind(last);
      else if (closed) throw new QuorateError('CONNECTION_FAILED', `the socket ${request.url} closed`);
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    controller.abort();
    unlink();
  }
}

const behind = (last: number | null): QuorateError =>
  new QuorateError(
    'CONNECTION_FAILED',
    `events arrived faster than they were read; resume with since: ${last}`,
    { since: last },
  );

/** Parses a message; null for the hello. @throws QuorateError BAD_RESPONSE */
function eventOf(text: string): ServerEvent | null {
  const message = readMessage(text);
  if (message?.kind === 'hello') return null;
  const event = message && eventSchema.safeParse(JSON.parse(text)).data;
  if (event) return event;
  throw new QuorateError('BAD_RESPONSE', `a message violates the protocol: ${text.slice(0, 200)}`);
}

/** A WebSocket to open. */
export interface SocketRequest {
  readonly url: string;
  readonly token: string | null;
  readonly onMessage: (text: string) => void;
  /** Closes the socket. */
  readonly signal: AbortSignal;
}

/**
 * Opens a WebSocket, with the package `ws` (nodeSocket.ts) or the host's own class (pageSocket.ts). Resolves when it is
 * closed or could not be opened; never rejects.
 */
export type OpenSocket = (request: SocketRequest) => Promise<void>;
