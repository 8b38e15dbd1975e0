/** Follows a server's events across its restarts. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, QuorateError, type ServerEvent } from '../../src/client/index.js';

/** Time between attempts to reconnect. */
const RECONNECT_MS = 50;

export interface Following {
  /** Only this session's events. */
  readonly session?: string;
  readonly signal?: AbortSignal;
}

/**
 * Calls back with every stored event and then with each new one, until the callback returns true. If the server goes
 * away, even while the callback runs, it resumes with that event once the server is back.
 *
 * @param onEvent returns whether to stop
 * @throws QuorateError for any failure but a lost connection; ABORTED or the runtime's AbortError on the signal
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
      await pause(RECONNECT_MS, undefined, signal && { signal });
    }
  }
}
