/**
 * Components as their supervision sees them, what happens to them, and what is to be done about that. Plain data, like
 * a round's state: no process, no timer, no clock in it.
 *
 *   waiting ──▶ starting ──▶ running ──────▶ completed      ended as it should
 *      ▲           │            │
 *      │           └─────┬──────┴──▶ stopping ──▶ stopped   told to end
 *      │                 ▼              │
 *      └────────── backing-off ◀────────┘ did not answer
 *                        │
 *                        └──▶ failed                        too many restarts in the window
 */

/** What an end is followed by. `always`: every end; `on-failure`: every one but exit 0, which completes it. */
export const restartPolicies = ['always', 'on-failure', 'never'] as const;

export interface RestartBounds {
  /** Restarts in a window of `windowMs`; one more, and the component has failed. */
  readonly max: number;
  readonly windowMs: number;
  /** The wait before the first restart in the window; doubled before each further one, up to `maxMs`. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** What the state machine must know of a component. */
export interface ComponentPolicy {
  readonly name: string;
  /** Names of those that must be up before it is started. */
  readonly dependsOn: readonly string[];
  readonly restart: (typeof restartPolicies)[number];
  /** When it is up: once it is started, once a check passes, or, for a task, once it has ended with 0. */
  readonly upWhen: 'started' | 'checked' | 'done';
  /** Between checks; null: none is made but the one that tells itself that it passed. */
  readonly intervalMs: number | null;
  /** Checks that fail one after the other, until it counts as not answering. */
  readonly failures: number;
  readonly startDeadlineMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopDeadlineMs: number;
  readonly restarts: RestartBounds;
}

export interface SystemPolicy {
  /** Each after those that it depends on. */
  readonly components: readonly ComponentPolicy[];
  /** Whether all is stopped once whatever is to complete has ended. */
  readonly stopsWhenDone: boolean;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not even be started. */
  readonly message: string | null;
}

export type Phase =
  | { readonly is: 'waiting' }
  | {
      readonly is: 'starting';
      readonly sinceMs: number;
      /** Null: it is not let go yet. */
      readonly pid: number | null;
      readonly deadlineAtMs: number;
      /** Null: a check is under way, or none is made. */
      readonly checkAtMs: number | null;
      /** What the last check said. */
      readonly trouble: string | null;
    }
  | {
      readonly is: 'running';
      readonly sinceMs: number;
      readonly pid: number;
      readonly checkAtMs: number | null;
      /** Checks that failed, up to now. */
      readonly failures: number;
      readonly trouble: string | null;
    }
  | {
      readonly is: 'stopping';
      readonly sinceMs: number;
      readonly pid: number | null;
      /** Null: it is killed already. */
      readonly killAtMs: number | null;
      /** Null: all are being stopped; else what is wrong with it. */
      readonly because: string | null;
    }
  | { readonly is: 'backing-off'; readonly untilMs: number; readonly because: string }
  | { readonly is: 'completed' }
  | { readonly is: 'failed'; readonly because: string }
  | { readonly is: 'stopped' };

export interface ComponentState {
  readonly phase: Phase;
  /** Counts its processes: what is told of an earlier one means nothing any more. */
  readonly run: number;
  readonly wasUp: boolean;
  readonly restarts: number;
  /** Those in the window. */
  readonly restartsAtMs: readonly number[];
  readonly lastExit: (Exit & { readonly atMs: number }) | null;
}

/** completed: all did what they had to. not-started: something was never up. degraded: something was, and failed. */
export type SystemOutcome = 'completed' | 'stopped' | 'not-started' | 'degraded';

export interface SystemState {
  readonly phase: 'running' | 'stopping' | 'ended';
  /** Whether somebody has asked for the end. */
  readonly isAsked: boolean;
  readonly components: Readonly<Record<string, ComponentState>>;
}

/** Time and chance, uniform over [0, 1), come with the events. */
export type SystemEvent = { readonly atMs: number; readonly chance: number } & UntimedSystemEvent;

export type UntimedSystemEvent =
  | { readonly type: 'tick' | 'stop' | 'hasten' }
  /** Of the component's process of this number. */
  | {
      readonly type: 'component';
      readonly component: string;
      readonly run: number;
      readonly event: ComponentEvent;
    };

export type ComponentEvent =
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'exited'; readonly exit: Exit }
  /** Trouble: what is wrong; null: nothing is. */
  | { readonly type: 'checked'; readonly trouble: string | null };

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

export interface ComponentAnnouncement {
  readonly component: string;
  readonly state: Phase['is'];
  /** For people. */
  readonly message: string;
}

export interface SystemStep<S> {
  readonly state: S;
  readonly effects: readonly SystemEffect[];
}
