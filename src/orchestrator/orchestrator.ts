/** Runs a plan: carries out the effects that a step returns, and feeds the results back as events. */
import { type Clock, systemClock } from '../core/clock.js';
import { check } from './processes/checks.js';
import { launch, type Launched, type OutputStream } from './processes/launch.js';
import { Reaper } from './processes/reaper.js';
import { type Component, inStartOrder, type SystemPlan } from './plan/systemPlan.js';
import type {
  ComponentAnnouncement,
  ComponentEvent,
  SystemEffect,
  SystemOutcome,
  SystemState,
  UntimedSystemEvent,
} from './supervise/state.js';
import { type SystemView, viewOf } from './supervise/statusView.js';
import { initialSystemState, nextSystemTickAtMs, stepSystem } from './supervise/system.js';

/** A line that a component wrote. */
export interface LogLine {
  /** The component's name. */
  readonly component: string;
  /** The stream that it wrote to. */
  readonly stream: OutputStream;
  /** Without its line break; a line longer than 65,536 characters arrives in pieces. */
  readonly line: string;
  /** When it was read, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What `createOrchestrator` takes. */
export interface OrchestratorOptions {
  /** The components to supervise, in any order. */
  readonly plan: SystemPlan;
  /** Called with each line of output. While the returned promise is pending, no more of that stream is read. */
  readonly onLine?: (line: LogLine) => void | Promise<void>;
  /** Called on each change in a component's state. */
  readonly onEvent?: (event: ComponentAnnouncement & { readonly atMs: number }) => void;
  /** Defaults to the system clock. */
  readonly clock?: Clock;
  /** Uniform over [0, 1); varies the delays before restarts. Defaults to Math.random. */
  readonly random?: () => number;
}

/** A supervised system of processes. */
export interface Orchestrator {
  /** Starts every component, each once its dependencies are up. */
  start(): void;
  /** The status at this moment. */
  view(): SystemView;
  /** Stops every component, dependents first. Calling it again changes nothing. */
  stop(): void;
  /** Sends SIGKILL to every component at once. */
  kill(): void;
  /** Resolves once every process has ended. Never rejects. */
  readonly ended: Promise<SystemOutcome>;
}

/**
 * Creates the supervisor of a plan's components. Nothing starts before `start()`. Node on Unix systems only.
 *
 * `up` does the same for a system file, and adds the status page and the lock that keeps a system from running twice.
 *
 * @throws QuorateError INVALID_PARAMETER for unknown or circular dependencies
 * @example
 * const { components } = await loadPlan('quorate.yaml');
 * const orchestrator = createOrchestrator({ plan: { components, stopsWhenDone: true }, onEvent: console.log });
 * orchestrator.start();
 * console.log(await orchestrator.ended);
 */
export const createOrchestrator = (options: OrchestratorOptions): Orchestrator =>
  new ProcessOrchestrator(options);

class ProcessOrchestrator implements Orchestrator {
  private readonly plan: SystemPlan;
  private readonly components: ReadonlyMap<string, Component>;
  private readonly options: OrchestratorOptions;
  private readonly clock: Clock;
  private readonly reaper: Reaper;
  /** The current process of each component. */
  private readonly processes = new Map<string, Launched>();
  /** Cancels the check that a component's name maps to, and discards its result. */
  private readonly checks = new Map<string, () => Promise<void>>();
  private state: SystemState;
  private cancelTick: () => void = () => undefined;
  private finish: (outcome: SystemOutcome) => void = () => undefined;
  readonly ended: Promise<SystemOutcome>;

  constructor(options: OrchestratorOptions) {
    this.options = options;
    this.plan = { ...options.plan, components: inStartOrder(options.plan.components) };
    this.components = new Map(this.plan.components.map((component) => [component.name, component]));
    this.clock = options.clock ?? systemClock;
    this.state = initialSystemState(this.plan);
    this.ended = new Promise((resolve) => (this.finish = resolve));
    const graceMs = Math.max(0, ...this.plan.components.map(({ stopDeadlineMs }) => stopDeadlineMs));
    this.reaper = new Reaper(graceMs);
  }

  start(): void {
    this.reaper.start();
    this.dispatch({ type: 'tick' });
  }

  view(): SystemView {
    return viewOf(this.plan, this.state, this.clock);
  }

  stop(): void {
    this.dispatch({ type: 'stop' });
  }

  kill(): void {
    this.dispatch({ type: 'kill' });
  }

  private dispatch(event: UntimedSystemEvent): void {
    const atMs = this.clock.now();
    const random = (this.options.random ?? Math.random)();
    const { state, effects } = stepSystem(this.plan, this.state, { ...event, atMs, random });
    this.state = state;
    for (const effect of effects) this.perform(effect, atMs);
    this.cancelTick();
    const nextMs = nextSystemTickAtMs(state);
    if (nextMs !== null) this.cancelTick = this.clock.at(nextMs, () => this.dispatch({ type: 'tick' }));
  }

  private perform(effect: SystemEffect, atMs: number): void {
    switch (effect.type) {
      case 'start':
        void this.run(effect.component, effect.run);
        break;
      case 'check':
        this.check(effect.component, effect.run);
        break;
      case 'signal':
        this.processes.get(effect.component)?.signal(effect.signal);
        break;
      case 'announce':
        this.options.onEvent?.({ atMs: this.clock.toWall(atMs), ...effect.event });
        break;
      case 'end':
        this.reaper.close();
        this.finish(effect.outcome);
        break;
    }
  }

  /** Runs a component's process from its start to its exit. */
  private async run(name: string, run: number): Promise<void> {
    const component = this.components.get(name)!;
    const report = (event: ComponentEvent): void =>
      this.dispatch({ type: 'component', component: name, run, event });
    const pattern = component.check.kind === 'line' ? new RegExp(component.check.pattern) : null;
    const launched = launch(component, this.reaper, (stream, line) => {
      if (stream === 'stdout' && pattern?.test(line)) report({ type: 'checked', error: null });
      return this.options.onLine?.({
        component: name,
        stream,
        line,
        atMs: this.clock.toWall(this.clock.now()),
      });
    });
    this.processes.set(name, launched);
    const pid = await launched.started;
    if (pid !== null) report({ type: 'started', pid });
    const exit = await launched.exited;
    launched.closeOutput();
    await this.checks.get(name)?.();
    report({ type: 'exited', exit });
  }

  private check(name: string, run: number): void {
    const controller = new AbortController();
    let isCanceled = false;
    const finished = check(this.components.get(name)!, this.reaper, controller).then((error) => {
      this.checks.delete(name);
      if (!isCanceled)
        this.dispatch({ type: 'component', component: name, run, event: { type: 'checked', error } });
    });
    this.checks.set(name, () => {
      isCanceled = true;
      controller.abort();
      return finished;
    });
  }
}
