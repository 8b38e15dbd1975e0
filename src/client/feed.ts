/**
 * Keeps a picture of the session up to date: by the event socket, resumed after the last event that was heard, and by
 * asking, often while there is no socket, seldom while there is one.
 */
import { feedTypes, readMessage } from './feedEvent.js';
import type { SessionReplica } from './sessionReplica.js';
import type { Retry } from './retry.js';
import type { OpenSocket } from './eventStream.js';
import type { Transport } from './transport.js';
import { linkedController, sleep } from './waiting.js';

export interface FeedOptions {
  readonly session: string;
  readonly picture: SessionReplica;
  readonly transport: Transport;
  readonly openSocket: OpenSocket;
  /** Brings the picture up to date by asking for the session's view. */
  readonly look: () => Promise<unknown>;
  readonly retry: Retry;
  readonly onConnection: (connected: boolean) => void;
  readonly signal: AbortSignal;
}

/** Between two questions, without and with a socket. */
const POLL_MS = 1000;
const CHECK_MS = 30_000;

/** Ends only by the signal, or by an error of `look`. @throws QuorateError */
export async function follow(options: FeedOptions): Promise<void> {
  const { session, picture, transport, openSocket, look, retry, onConnection, signal } = options;
  let last: number | null = null;
  let connected = false;
  let wake = (): void => undefined;
  let askAgain = false;
  const askNow = (): void => {
    askAgain = true;
    wake();
  };

  /** One socket, from its opening to its end. @returns whether a hello came */
  const listen = async (): Promise<boolean> => {
    const { controller, unlink } = linkedController(signal);
    const since = last === null ? '' : `&since=${last}`;
    let greeted = false;
    const onMessage = (text: string): void => {
      const message = readMessage(text);
      if (message?.kind === 'event' && greeted) {
        last = message.number;
        if (message.session === session && message.event) picture.hear(message.event);
      } else if (message?.kind === 'hello' && !greeted) {
        greeted = true;
        // Without a number to resume at, or one that this server never gave, what comes next is all there is.
        last = last === null || last > message.last ? message.last : last;
        connected = true;
        onConnection(true);
        askNow();
      } else {
        controller.abort(); // it is not our server that speaks: we go on by asking
      }
    };
    const query = `session=${encodeURIComponent(session)}&types=${feedTypes.join(',')}${since}`;
    const url = transport.socketUrl(`/v1/events?${query}`);
    await openSocket({ url, token: transport.token, onMessage, signal: controller.signal });
    unlink();
    if (connected && !signal.aborted) onConnection(false);
    connected = false;
    return greeted;
  };

  const keepSocket = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted;) {
      failures = (await listen()) ? 1 : failures + 1;
      askNow();
      await sleep(retry.waitMs(failures), signal);
    }
  };

  const keepAsking = async (): Promise<void> => {
    while (!signal.aborted) {
      askAgain = false;
      await look();
      if (askAgain) continue;
      const { controller, unlink } = linkedController(signal);
      wake = () => {
        controller.abort();
      };
      await sleep(connected ? CHECK_MS : POLL_MS, controller.signal).catch(() => undefined);
      unlink();
    }
  };

  await Promise.all([keepSocket(), keepAsking()]);
}
