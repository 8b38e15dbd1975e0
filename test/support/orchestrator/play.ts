/** Plays a system without processes: the test says what happens to them, and reads what was to be done. */
import type {
  ComponentEvent,
  ComponentPolicy,
  SystemEffect,
  Exit,
  UntimedSystemEvent,
  SystemOutcome,
  SystemPolicy,
  SystemState,
} from '../../../src/orchestrator/supervise/state.js';
import {
  initialSystemState,
  stepSystem,
  nextSystemTickAtMs,
} from '../../../src/orchestrator/supervise/system.js';

const exitWith = (code: number): Exit => ({ code, signal: null, message: null });

/** Started, no checks, restarted whatever happens. */
export const aComponent = (name: string, more: Partial<ComponentPolicy> = {}): ComponentPolicy => ({
  name,
  dependsOn: [],
  restart: 'always',
  upWhen: 'started',
  intervalMs: null,
  failures: 3,
  startDeadlineMs: 10_000,
  stopDeadlineMs: 1_000,
  restarts: { max: 3, windowMs: 60_000, firstMs: 100, maxMs: 1_000 },
  ...more,
});

/** It answers checks. */
export const checked = (name: string, more: Partial<ComponentPolicy> = {}): ComponentPolicy =>
  aComponent(name, { upWhen: 'checked', intervalMs: 30_000, ...more });

export class Play {
  readonly policy: SystemPolicy;
  state: SystemState;
  atMs = 1_000_000;
  /** Of every event from now on. */
  random = 0;
  outcome: SystemOutcome | null = null;
  /** 'start a', 'SIGTERM a', 'check a', in order. */
  private done: string[] = [];
  private pid = 100;

  constructor(components: readonly ComponentPolicy[], stopsWhenDone = true) {
    this.policy = { components, stopsWhenDone };
    this.state = initialSystemState(this.policy);
  }

  dispatch(event: UntimedSystemEvent): readonly SystemEffect[] {
    const { state, effects } = stepSystem(this.policy, this.state, {
      ...event,
      atMs: this.atMs,
      random: this.random,
    });
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'end') this.outcome = effect.outcome;
      else if (effect.type !== 'announce') {
        this.done.push(`${effect.type === 'signal' ? effect.signal : effect.type} ${effect.component}`);
      }
    }
    return effects;
  }

  tick(): this {
    this.dispatch({ type: 'tick' });
    return this;
  }

  /** To the component's present process. */
  report(component: string, event: ComponentEvent): this {
    this.dispatch({ type: 'component', component, run: this.state.components[component]!.run, event });
    return this;
  }

  started(...names: readonly string[]): this {
    for (const name of names) this.report(name, { type: 'started', pid: ++this.pid });
    return this;
  }

  passesCheck(name: string): this {
    return this.report(name, { type: 'checked', error: null });
  }

  failsCheck(name: string): this {
    return this.report(name, { type: 'checked', error: 'no answer' });
  }

  ended(name: string, code = 1): this {
    return this.report(name, { type: 'exited', exit: exitWith(code) });
  }

  /** The clock goes on, with a tick whenever one is asked for. */
  after(ms: number): this {
    const untilMs = this.atMs + ms;
    for (
      let next = nextSystemTickAtMs(this.state);
      next !== null && next <= untilMs;
      next = nextSystemTickAtMs(this.state)
    ) {
      this.atMs = Math.max(this.atMs, next);
      this.tick();
    }
    this.atMs = untilMs;
    return this;
  }

  /** What was to be done since this was asked last. */
  did(): string[] {
    return this.done.splice(0);
  }

  phaseOf(name: string): string {
    return this.state.components[name]!.phase.name;
  }

  /** When something is due next, from now; null: never. */
  get nextMs(): number | null {
    const next = nextSystemTickAtMs(this.state);
    return next === null ? null : next - this.atMs;
  }
}
