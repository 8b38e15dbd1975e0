/** The server's events as they come, for whoever watches: `for await (const event of client.events())`. */
import * as z from 'zod';
import { QuorateError } from '../errors.js';
import { readMessage } from './feedEvent.js';
import type { Transport } from './transport.js';
import { aborted, linkedController } from './waiting.js';

export interface EventsOptions {
  /** Only this session's. Default: all. */
  readonly session?: string;
  /** The number of the last event that was seen: those after it come first. Default: only new ones. */
  readonly since?: number;
  readonly signal?: AbortSignal;
}

const eventSchema = z.looseObject({
  number: z.int(),
  atMs: z.number(),
  type: z.string(),
});

/** An announcement of a round, a session or a node; `type` says which, and what else is in it. */
export type ServerEvent = z.output<typeof eventSchema>;

/** Characters that may wait to be read. Beyond them the socket is closed, as the server does with readers that stall. */
const MAX_WAITING = 4 * 1024 * 1024;

/**
 * One socket's worth. A reader that falls behind still gets all that came before its socket was closed.
 *
 * @throws QuorateError CONNECTION_FAILED when the socket ends by itself or the reader fell behind, ABORTED by the signal,
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
      else if (closed) throw new QuorateError('CONNECTION_FAILED', `the socket ${request.url} ended`);
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
    `events came faster than they were read; those after ${last} come again with since: ${last}`,
    { since: last },
  );

/** Null: the hello. @throws QuorateError BAD_RESPONSE */
function eventOf(text: string): ServerEvent | null {
  const message = readMessage(text);
  if (message?.kind === 'hello') return null;
  const event = message && eventSchema.safeParse(JSON.parse(text)).data;
  if (event) return event;
  throw new QuorateError('BAD_RESPONSE', `no event of the protocol: ${text.slice(0, 200)}`);
}

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
