/**
 * The state of supervised components, the events that change it, and the effects that follow. Plain data: no
 * processes, timers or clocks.
 *
 *   waiting ──▶ starting ──▶ running ──────▶ completed      exited as expected
 *      ▲           │            │
 *      │           └─────┬──────┴──▶ stopping ──▶ stopped   the system is shutting down
 *      │                 ▼              │
 *      └────────── backing-off ◀────────┘ failed its health checks
 *                        │
 *                        └──▶ failed                        too many restarts in the window
 */

/** Which exits restart a component: all of them, all but exit code 0, or none. */
export const restartPolicies = ['always', 'on-failure', 'never'] as const;

/** Which exits restart a component. With `on-failure` and `never`, exit code 0 completes it. */
export type RestartPolicy = (typeof restartPolicies)[number];

/** How many restarts a component gets, and how long it waits before each. */
export interface RestartBounds {
  /** Restarts allowed within `windowMs`. One more, and the component has failed. */
  readonly max: number;
  /** The length of the window, which ends now. */
  readonly windowMs: number;
  /** The delay before the first restart in the window. It doubles with each further restart, up to `maxMs`. */
  readonly firstMs: number;
  /** The longest delay. */
  readonly maxMs: number;
}

/** How a component is supervised. */
export interface ComponentPolicy {
  /** Unique in its system. */
  readonly name: string;
  /** Names of the components that must be up before this one starts. */
  readonly dependsOn: readonly string[];
  /** Which exits restart it. */
  readonly restart: RestartPolicy;
  /** When the component counts as up: once started, once a check passes, or, for a task, once it exits with 0. */
  readonly upWhen: 'started' | 'checked' | 'done';
  /** Time between checks; null if the component isn't polled. */
  readonly intervalMs: number | null;
  /** Consecutive failed checks after which the component is restarted. */
  readonly failures: number;
  /** How long the component may take to come up. */
  readonly startDeadlineMs: number;
  /** Time between SIGTERM and SIGKILL. */
  readonly stopDeadlineMs: number;
  /** How many restarts it gets, and after which delays. */
  readonly restarts: RestartBounds;
}

/** How a whole system is supervised. */
export interface SystemPolicy {
  /** In start order: each component comes after its dependencies. */
  readonly components: readonly ComponentPolicy[];
  /** Whether the system stops once every component that can complete has ended. */
  readonly stopsWhenDone: boolean;
}

/** How a process ended. */
export interface Exit {
  /** The exit code; null if a signal ended the process or it never ran. */
  readonly code: number | null;
  /** The signal that ended the process; null if it exited by itself or never ran. */
  readonly signal: string | null;
  /** Why it could not be started; null if it ran. */
  readonly message: string | null;
}

export const componentPhases = [
  'waiting',
  'starting',
  'running',
  'stopping',
  'backing-off',
  'completed',
  'failed',
  'stopped',
] as const;

/** Where a component is in its life. */
export type ComponentPhase = (typeof componentPhases)[number];

/** A component's phase, with the data that exists only in that phase. */
export type PhaseState =
  | { readonly name: 'waiting' }
  | {
      readonly name: 'starting';
      readonly sinceMs: number;
      /** Null until the program is released to run. */
      readonly pid: number | null;
      readonly deadlineAtMs: number;
      /** Null while a check is running, or if there are none. */
      readonly checkAtMs: number | null;
      /** Why the last check failed. */
      readonly checkError: string | null;
    }
  | {
      readonly name: 'running';
      readonly sinceMs: number;
      readonly pid: number;
      readonly checkAtMs: number | null;
      /** Consecutive failed checks so far. */
      readonly failures: number;
      readonly checkError: string | null;
    }
  | {
      readonly name: 'stopping';
      readonly sinceMs: number;
      readonly pid: number | null;
      /** Null once it has been killed. */
      readonly killAtMs: number | null;
      /** Why this component alone is being stopped; null while the whole system stops. */
      readonly reason: string | null;
    }
  | { readonly name: 'backing-off'; readonly untilMs: number; readonly reason: string }
  | { readonly name: 'completed' }
  | { readonly name: 'failed'; readonly reason: string }
  | { readonly name: 'stopped' };

export interface ComponentState {
  readonly phase: PhaseState;
  /** Counts the component's processes. Events from an earlier process are ignored. */
  readonly run: number;
  readonly wasUp: boolean;
  readonly restarts: number;
  /** Restarts within the window, oldest first. */
  readonly restartsAtMs: readonly number[];
  readonly lastExit: (Exit & { readonly atMs: number }) | null;
}

/**
 * How a system ended. `completed`: every component did its work. `stopped`: on request. `not-started`: a component
 * failed before it was ever up. `degraded`: a component failed after it had been up.
 */
export type SystemOutcome = 'completed' | 'stopped' | 'not-started' | 'degraded';

export interface SystemState {
  readonly phase: 'running' | 'stopping' | 'ended';
  /** Whether a stop was requested, as opposed to the work being done. */
  readonly isStopRequested: boolean;
  readonly components: Readonly<Record<string, ComponentState>>;
}

/** Time and randomness (`random`, uniform over [0, 1)) arrive with each event. */
export type SystemEvent = { readonly atMs: number; readonly random: number } & UntimedSystemEvent;

export type UntimedSystemEvent =
  | { readonly type: 'tick' | 'stop' | 'kill' }
  /** Concerns the component's process with this number. */
  | {
      readonly type: 'component';
      readonly component: string;
      readonly run: number;
      readonly event: ComponentEvent;
    };

export type ComponentEvent =
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'exited'; readonly exit: Exit }
  /** Error: why the check failed; null if it passed. */
  | { readonly type: 'checked'; readonly error: string | null };

export type SystemEffect =
  | { readonly type: 'start' | 'check'; readonly component: string; readonly run: number }
  | {
      readonly type: 'signal';
      readonly component: string;
      readonly run: number;
      readonly signal: 'SIGTERM' | 'SIGKILL';
    }
  | { readonly type: 'announce'; readonly event: ComponentAnnouncement }
  | { readonly type: 'end'; readonly outcome: SystemOutcome };

/** A change in a component's state. */
export interface ComponentAnnouncement {
  /** The component's name. */
  readonly component: string;
  /** The phase that it is in now. */
  readonly state: ComponentPhase;
  /** For humans: 'running, pid 4711'. */
  readonly message: string;
}

export interface SystemStep<S> {
  readonly state: S;
  readonly effects: readonly SystemEffect[];
}

/** 'ended with 3', 'ended by SIGKILL' */
export function formatExit({ code, signal, message }: Exit): string {
  if (message !== null) return `could not be started: ${message}`;
  if (signal !== null) return `ended by ${signal}`;
  return `ended with ${code ?? 'no code'}`;
}

/** '250 ms', '1.5 s', '10 min' */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const [value, unit] =
    ms < 60_000 ? [ms / 1000, 's'] : ms < 3_600_000 ? [ms / 60_000, 'min'] : [ms / 3_600_000, 'h'];
  return `${Number(value.toFixed(1))} ${unit}`;
}
