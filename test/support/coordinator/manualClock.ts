/** A clock that stands still until it is told to go on. */
import type { Clock } from '../../../src/core/clock.js';

export class ManualClock implements Clock {
  private timeMs: number;
  private timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  constructor(timeMs = 1_000_000) {
    this.timeMs = timeMs;
  }

  /** What the wall clock is ahead of this one. */
  wallAheadMs = 0;

  readonly now = (): number => this.timeMs;

  readonly toWall = (atMs: number): number => atMs + this.wallAheadMs;

  readonly at = (atMs: number, callback: () => void): (() => void) => {
    const timer = { atMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  };

  /** When the next timer is due; null: none is set. */
  get nextMs(): number | null {
    return this.timers.reduce<number | null>((next, { atMs }) => Math.min(next ?? atMs, atMs), null);
  }

  /** Goes on by so much, each timer firing at its own time. */
  advance(byMs: number): void {
    const untilMs = this.timeMs + byMs;
    for (let next = this.nextMs; next !== null && next <= untilMs; next = this.nextMs) {
      this.timeMs = Math.max(this.timeMs, next);
      const due = this.timers.filter(({ atMs }) => atMs <= this.timeMs);
      this.timers = this.timers.filter(({ atMs }) => atMs > this.timeMs);
      for (const { callback } of due) callback();
    }
    this.timeMs = untilMs;
  }
}
