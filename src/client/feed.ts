/**
 * Keeps the replica of a session up to date from two sources: the event socket, which resumes after the last event
 * received, and polling, which is frequent while the socket is down and rare while it is up.
 */
import type { OpenSocket } from './eventStream.js';
import { feedTypes, readMessage } from './feedEvent.js';
import type { Retry } from './retry.js';
import type { SessionReplica } from './sessionReplica.js';
import type { Transport } from './transport.js';
import { linkedController, sleep } from './waiting.js';

/** What the feed works with. */
export interface FeedOptions {
  readonly session: string;
  readonly replica: SessionReplica;
  readonly transport: Transport;
  readonly openSocket: OpenSocket;
  /** Fetches the session's view into the replica. */
  readonly refresh: () => Promise<unknown>;
  readonly retry: Retry;
  readonly onConnection: (connected: boolean) => void;
  readonly signal: AbortSignal;
}

/** The polling interval while the socket is down, and while it is up. */
const POLL_MS = 1000;
const CHECK_MS = 30_000;

/** Runs until the signal is aborted or `refresh` throws. @throws QuorateError */
export async function follow(options: FeedOptions): Promise<void> {
  const { session, replica, transport, openSocket, refresh, retry, onConnection, signal } = options;
  let last: number | null = null;
  let connected = false;
  let wake = (): void => undefined;
  let pollAgain = false;
  const pollNow = (): void => {
    pollAgain = true;
    wake();
  };

  /** Runs one socket until it closes. @returns whether the server sent its hello */
  const listen = async (): Promise<boolean> => {
    const { controller, unlink } = linkedController(signal);
    const since = last === null ? '' : `&since=${last}`;
    let greeted = false;
    const onMessage = (text: string): void => {
      const message = readMessage(text);
      if (message?.kind === 'event' && greeted) {
        last = message.number;
        if (message.session === session && message.event) replica.applyEvent(message.event);
      } else if (message?.kind === 'hello' && !greeted) {
        greeted = true;
        // Nothing to resume after: the first socket, or a server that never sent that number and starts over.
        last = last === null || last > message.last ? message.last : last;
        connected = true;
        onConnection(true);
        pollNow();
      } else {
        controller.abort(); // not a Quorate server: keep polling
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
      pollNow();
      await sleep(retry.waitMs(failures), signal);
    }
  };

  const keepPolling = async (): Promise<void> => {
    while (!signal.aborted) {
      pollAgain = false;
      await refresh();
      if (pollAgain) continue;
      const { controller, unlink } = linkedController(signal);
      wake = () => {
        controller.abort();
      };
      await sleep(connected ? CHECK_MS : POLL_MS, controller.signal).catch(() => undefined);
      unlink();
    }
  };

  await Promise.all([keepSocket(), keepPolling()]);
}
