/** All that a server announces, as its own clients hear it: over restarts, without gaps. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, QuorateError, type ServerEvent } from '../../src/client/index.js';

export type Fits = (event: ServerEvent) => boolean;

/** Between two attempts to find a server that went away. */
const RETURN_MS = 50;
const PATIENCE_MS = 120_000;

export class EventLog {
  readonly events: ServerEvent[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly controller = new AbortController();
  private readonly following: Promise<void>;
  private failure: Error | undefined;

  constructor(client: Client) {
    this.following = this.follow(client).catch((error: unknown) => {
      this.failure = error as Error;
      this.look();
    });
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
    return new Promise((resolve, reject) => {
      const done = (then: () => void): void => {
        this.waiting.delete(look);
        clearTimeout(timer);
        then();
      };
      const look = (): void => {
        const { failure } = this;
        const found = this.events.find((event) => event.number > since && fits(event));
        if (found) done(() => resolve(found));
        else if (failure) done(() => reject(failure));
      };
      const timer = setTimeout(() => {
        const lately = this.events.slice(-20).map((event) => JSON.stringify(event));
        done(() => reject(new Error(`waited in vain: ${what}\n${lately.join('\n')}`)));
      }, PATIENCE_MS);
      this.waiting.add(look);
      look();
    });
  }

  async close(): Promise<void> {
    this.controller.abort();
    await this.following;
  }

  private async follow(client: Client): Promise<void> {
    const { signal } = this.controller;
    while (!signal.aborted) {
      try {
        for await (const event of client.events({ since: this.last, signal })) {
          this.events.push(event);
          this.look();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof QuorateError) || error.code !== 'CONNECTION_FAILED') throw error;
        await pause(RETURN_MS);
      }
    }
  }

  private look(): void {
    for (const look of [...this.waiting]) look();
  }
}
