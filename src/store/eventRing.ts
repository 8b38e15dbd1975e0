/** The newest events, in memory, numbered without gaps. */
import type { EventLog, NumberedEvent } from './store.js';

/** Events beyond `keep` go in blocks of this share of it, so that an append costs no copying. */
const slack = 4;

export class EventRing implements EventLog {
  readonly #keep: number;
  #events: NumberedEvent[];
  #last: number;

  /** @param kept what is there already, without gaps, up to number `last` */
  constructor(keep: number, last = 0, kept: NumberedEvent[] = []) {
    this.#keep = keep;
    this.#last = last;
    this.#events = kept;
    this.#forget();
  }

  get last(): number {
    return this.#last;
  }

  get first(): number {
    return this.#last - this.#events.length + 1;
  }

  append(atMs: number, body: Readonly<Record<string, unknown>>): NumberedEvent {
    const event = { number: this.#last + 1, atMs, body };
    this.#events.push(event);
    this.#last = event.number;
    this.#forget();
    return event;
  }

  since(number: number, limit: number): readonly NumberedEvent[] {
    const from = Math.max(0, number + 1 - this.first);
    return this.#events.slice(from, from + limit);
  }

  #forget(): void {
    const most = this.#keep + Math.ceil(this.#keep / slack);
    if (this.#events.length > most) this.#events = this.#events.slice(-this.#keep);
  }
}
