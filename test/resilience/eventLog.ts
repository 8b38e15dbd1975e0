/** All that a server announces, as its own clients hear it: over restarts, without gaps. */
import { followEvents } from '../../examples/network/followEvents.js';
import type { Client, ServerEvent } from '../../src/client/index.js';
import { Watch } from './watch.js';

export type Fits = (event: ServerEvent) => boolean;

export class EventLog {
  readonly events: ServerEvent[] = [];
  private readonly watch = new Watch(() =>
    this.events
      .slice(-20)
      .map((event) => JSON.stringify(event))
      .join('\n'),
  );
  private readonly controller = new AbortController();
  private readonly following: Promise<void>;

  constructor(client: Client) {
    this.following = this.follow(client).catch((error: unknown) => this.watch.fail(error as Error));
  }

  /** The number of the last event; `until` takes it to look only at what comes then. */
  get last(): number {
    return this.events.at(-1)?.number ?? 0;
  }

  all(fits: Fits): readonly ServerEvent[] {
    return this.events.filter(fits);
  }

  /**
   * Resolves with the first event after `since` that fits, which may be there already.
   *
   * @throws Error if none came in two minutes, with what came last
   */
  until(what: string, fits: Fits, since = 0): Promise<ServerEvent> {
    return this.watch.until(what, () => this.events.find((event) => event.number > since && fits(event)));
  }

  async close(): Promise<void> {
    this.controller.abort();
    await this.following;
  }

  private async follow(client: Client): Promise<void> {
    const { signal } = this.controller;
    try {
      await followEvents(client, { signal }, (event) => {
        this.events.push(event);
        this.watch.look();
        return false;
      });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
