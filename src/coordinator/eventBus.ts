/** Numbers events in the store's log, and passes them to subscribers. */
import type { EventLog, NumberedEvent } from '../store/store.js';
import type { EventFeed } from './coordinator.js';

type Listener = (event: NumberedEvent) => void;

export class EventBus implements EventFeed {
  private readonly log: EventLog;
  private readonly onError: (error: unknown) => void;
  private readonly listeners = new Set<Listener>();

  constructor(log: EventLog, onError: (error: unknown) => void) {
    this.log = log;
    this.onError = onError;
  }

  get first(): number {
    return this.log.first;
  }

  get last(): number {
    return this.log.last;
  }

  since(number: number, limit: number): readonly NumberedEvent[] {
    return this.log.since(number, limit);
  }

  subscribe(listener: Listener): () => void {
    // One function may subscribe twice, and end one of the two.
    const own: Listener = (event) => listener(event);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  /** A listener that throws disturbs neither the others nor what is being announced. */
  announce(atMs: number, body: Readonly<Record<string, unknown>>): void {
    const event = this.log.append(atMs, body);
    for (const listener of [...this.listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.onError(error);
      }
    }
  }
}
