/** A server's events over restarts of it. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, QuorateError, type ServerEvent } from '../../src/client/index.js';

/** Between two attempts to find a server that went away. */
const RETURN_MS = 50;

export interface Following {
  /** Only this session's events. */
  readonly session?: string;
  readonly signal?: AbortSignal;
}

/**
 * Hands on every event that the server keeps, and then each new one, until one is enough. Where the server goes away,
 * in between or while an event is dealt with, it goes on with that event once the server is back.
 *
 * @param onEvent resolves with whether that was the last one that is wanted
 * @throws QuorateError whatever else goes wrong; by the signal ABORTED or the runtime's AbortError
 */
export async function followEvents(
  client: Client,
  { session, signal }: Following,
  onEvent: (event: ServerEvent) => boolean | Promise<boolean>,
): Promise<void> {
  const options = { ...(session !== undefined && { session }), ...(signal && { signal }) };
  for (let since = 0; ;) {
    try {
      for await (const event of client.events({ ...options, since })) {
        if (await onEvent(event)) return;
        since = event.number;
      }
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'CONNECTION_FAILED') throw error;
      await pause(RETURN_MS, undefined, signal && { signal });
    }
  }
}
