/** Runs a plan: does what `step` decides, and tells it what comes of that. */
import { type Clock, systemClock } from '../core/clock.js';
import { check } from './processes/checks.js';
import { Reaper } from './processes/reaper.js';
import { launch, type Launched, type Stream } from './processes/launch.js';
import { inOrder } from './plan/order.js';
import type { Component, SystemPlan } from './plan/systemPlan.js';
import type {
  ComponentAnnouncement,
  ComponentEvent,
  SystemEffect,
  UntimedSystemEvent,
  SystemOutcome,
  SystemState,
} from './supervise/state.js';
import { beginSystem, stepSystem, systemWakesAtMs } from './supervise/system.js';
import { type SystemView, viewOf } from './supervise/statusView.js';

export interface LogLine {
  readonly component: string;
  readonly stream: Stream;
  readonly line: string;
  readonly atMs: number;
}

export interface OrchestratorOptions {
  readonly plan: SystemPlan;
  /** What components write. While a returned promise is open, no more of that stream is read. */
  readonly onLine?: (line: LogLine) => void | Promise<void>;
  readonly onEvent?: (event: ComponentAnnouncement & { readonly atMs: number }) => void;
  readonly clock?: Clock;
  /** Of waits, uniform over [0, 1). */
  readonly random?: () => number;
}

export interface Orchestrator {
  /** Starts everything, each component once those that it depends on are up. */
  start(): void;
  /** How everything is now. */
  view(): SystemView;
  /** Stops all, dependents first. May be called again. */
  stop(): void;
  /** SIGKILL to whatever is left. */
  hasten(): void;
  /** When nothing is left of what was started. Never rejects. */
  readonly ended: Promise<SystemOutcome>;
}

/**
 * What starts a plan's components and keeps them up. In Node on Unix systems.
 *
 * @throws QuorateError INVALID_PARAMETER for dependencies that are unknown or circular
 */
export const createOrchestrator = (options: OrchestratorOptions): Orchestrator => new Running(options);

class Running implements Orchestrator {
  private readonly plan: SystemPlan;
  private readonly components: ReadonlyMap<string, Component>;
  private readonly options: OrchestratorOptions;
  private readonly clock: Clock;
  private readonly guard: Reaper;
  /** The present process of each. */
  private readonly processes = new Map<string, Launched>();
  /** What ends each check that is under way. Nobody asks any more for what it would have said. */
  private readonly checks = new Map<string, () => Promise<void>>();
  private state: SystemState;
  private cancelWake: () => void = () => undefined;
  private finish: (outcome: SystemOutcome) => void = () => undefined;
  readonly ended: Promise<SystemOutcome>;

  constructor(options: OrchestratorOptions) {
    this.options = options;
    this.plan = { ...options.plan, components: inOrder(options.plan.components) };
    this.components = new Map(this.plan.components.map((component) => [component.name, component]));
    this.clock = options.clock ?? systemClock;
    this.state = beginSystem(this.plan);
    this.ended = new Promise((resolve) => (this.finish = resolve));
    this.guard = new Reaper(Math.max(...this.plan.components.map(({ stopDeadlineMs }) => stopDeadlineMs), 0));
  }

  start(): void {
    this.guard.begin();
    this.happen({ type: 'tick' });
  }

  view(): SystemView {
    return viewOf(this.plan, this.state, this.clock.now());
  }

  stop(): void {
    this.happen({ type: 'stop' });
  }

  hasten(): void {
    this.happen({ type: 'hasten' });
  }

  private happen(happening: UntimedSystemEvent): void {
    const atMs = this.clock.now();
    const chance = (this.options.random ?? Math.random)();
    const { state, effects } = stepSystem(this.plan, this.state, { ...happening, atMs, chance });
    this.state = state;
    for (const effect of effects) this.run(effect, atMs);
    this.cancelWake();
    const nextMs = systemWakesAtMs(state);
    if (nextMs !== null) this.cancelWake = this.clock.at(nextMs, () => this.happen({ type: 'tick' }));
  }

  private run(effect: SystemEffect, atMs: number): void {
    switch (effect.type) {
      case 'start':
        void this.startOne(effect.component, effect.run);
        break;
      case 'check':
        this.check(effect.component, effect.run);
        break;
      case 'signal':
        this.processes.get(effect.component)?.signal(effect.signal);
        break;
      case 'announce':
        this.options.onEvent?.({ atMs, ...effect.event });
        break;
      case 'end':
        this.guard.close();
        this.finish(effect.outcome);
        break;
    }
  }

  private async startOne(name: string, run: number): Promise<void> {
    const component = this.components.get(name)!;
    const tell = (event: ComponentEvent): void =>
      this.happen({ type: 'component', component: name, run, event });
    const pattern = component.check.kind === 'line' ? new RegExp(component.check.pattern) : null;
    const process_ = launch(component, this.guard, (stream, line) => {
      if (stream === 'stdout' && pattern?.test(line)) tell({ type: 'checked', trouble: null });
      return this.options.onLine?.({ component: name, stream, line, atMs: this.clock.now() });
    });
    this.processes.set(name, process_);
    const pid = await process_.started;
    if (pid !== null) tell({ type: 'started', pid });
    const exit = await process_.exited;
    process_.silence();
    await this.checks.get(name)?.();
    tell({ type: 'exited', exit });
  }

  private check(name: string, run: number): void {
    const end = new AbortController();
    let isAsked = true;
    const over = check(this.components.get(name)!, this.guard, end).then((trouble) => {
      this.checks.delete(name);
      if (isAsked)
        this.happen({ type: 'component', component: name, run, event: { type: 'checked', trouble } });
    });
    this.checks.set(name, () => {
      isAsked = false;
      end.abort();
      return over;
    });
  }
}
