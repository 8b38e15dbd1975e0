/** Feeds events to a session's rounds, one after the other, each with its time and all its effects. */
import {
  type Effect,
  type Policy,
  type SessionEvent,
  type SessionState,
  step,
} from '../../rounds/machine.js';
import type { Clock } from '../../core/clock.js';

/** An event before it has its time. */
export type UntimedEvent = SessionEvent extends infer Event
  ? Event extends SessionEvent
    ? Omit<Event, 'atMs'>
    : never
  : never;

export interface EventQueueOptions {
  readonly policy: Policy;
  readonly clock: Clock;
  /** Begins what is to be done. */
  readonly onEffect: (effect: Effect, atMs: number) => void;
  readonly onStep: (event: SessionEvent, state: SessionState) => void;
  readonly onError: (error: unknown) => void;
}

export class EventQueue {
  private readonly options: EventQueueOptions;
  private current: SessionState;
  private readonly queue: (() => void)[] = [];
  private isBusy = false;

  constructor(state: SessionState, options: EventQueueOptions) {
    this.current = state;
    this.options = options;
  }

  get state(): SessionState {
    return this.current;
  }

  /**
   * Deals with an event before it returns, unless it is called by the effect of another one: then after that. The
   * promise has the effects, which were begun.
   */
  send(happening: UntimedEvent): Promise<readonly Effect[]> {
    return new Promise((resolve) => {
      this.queue.push(() => resolve(this.deal(this.stamped(happening))));
      this.drain();
    });
  }

  private drain(): void {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      for (let task = this.queue.shift(); task; task = this.queue.shift()) task();
    } finally {
      this.isBusy = false;
    }
  }

  private deal(event: SessionEvent): readonly Effect[] {
    const { policy, onEffect, onStep } = this.options;
    const { state, effects } = step(policy, this.current, event);
    this.current = state;
    this.guard(() => onStep(event, state));
    for (const effect of effects) this.guard(() => onEffect(effect, event.atMs));
    return effects;
  }

  /** An effect that can't be begun must not keep the others from it. */
  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.options.onError(error);
    }
  }

  private stamped(happening: UntimedEvent): SessionEvent {
    return { ...happening, atMs: this.options.clock.now() };
  }
}
