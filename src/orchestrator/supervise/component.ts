/** One component's part of `step`: what becomes of it when something happens to it, or its time comes. */
import { formatExit, formatDuration } from './format.js';
import type {
  ComponentEvent,
  ComponentPolicy,
  ComponentState,
  SystemEffect,
  Exit,
  Phase,
  RestartBounds,
  SystemStep as AnyStep,
} from './state.js';

type Step = AnyStep<ComponentState>;

/** Between the checks of a component that is coming up, however rarely it is checked later. */
const START_CHECK_MS = 200;

/** What is not checked has been up if it lived for so long: a program that is not there ends at once. */
const MIN_LIFE_MS = 1000;

export const fresh: ComponentState = {
  phase: { is: 'waiting' },
  run: 0,
  wasUp: false,
  restarts: 0,
  restartsAtMs: [],
  lastExit: null,
};

export interface Moment {
  readonly atMs: number;
  readonly chance: number;
  /** Whether all are being stopped: nothing is started again. */
  readonly isEnding: boolean;
}

const stay = (state: ComponentState): Step => ({ state, effects: [] });

/** To another phase, which is told. */
function become(
  { name }: ComponentPolicy,
  state: ComponentState,
  phase: Phase,
  message: string,
  ...effects: readonly SystemEffect[]
): Step {
  const announce: SystemEffect = { type: 'announce', event: { component: name, state: phase.is, message } };
  return { state: { ...state, phase }, effects: [...effects, announce] };
}

export const hasProcess = ({ phase }: ComponentState): boolean =>
  phase.is === 'starting' || phase.is === 'running' || phase.is === 'stopping';

/** Those that need it may start. A task never runs: it is starting until it has completed. */
export const isUp = ({ phase }: ComponentState): boolean =>
  phase.is === 'completed' || phase.is === 'running';

/** Nothing more will come of it. */
export const isSettled = ({ phase }: ComponentState): boolean =>
  phase.is === 'completed' || phase.is === 'failed' || phase.is === 'stopped';

export function start(policy: ComponentPolicy, state: ComponentState, atMs: number): Step {
  const run = state.run + 1;
  const phase: Phase = {
    is: 'starting',
    sinceMs: atMs,
    pid: null,
    deadlineAtMs: atMs + policy.startDeadlineMs,
    checkAtMs: null,
    trouble: null,
  };
  return become(policy, { ...state, run }, phase, 'starting', { type: 'start', component: policy.name, run });
}

/** @param because null: all are being stopped */
export function stop(
  policy: ComponentPolicy,
  state: ComponentState,
  atMs: number,
  because: string | null,
): Step {
  const { phase } = state;
  if (phase.is === 'stopping') return stay({ ...state, phase: { ...phase, because } });
  if (phase.is !== 'starting' && phase.is !== 'running') {
    return isSettled(state) ? stay(state) : become(policy, state, { is: 'stopped' }, 'stopped');
  }
  const stopping: Phase = {
    is: 'stopping',
    sinceMs: phase.sinceMs,
    pid: phase.pid,
    killAtMs: atMs + policy.stopDeadlineMs,
    because,
  };
  const message = because === null ? 'stopping' : `stopping: ${because}`;
  return become(policy, state, stopping, message, signal(policy, state, 'SIGTERM'));
}

export function kill(policy: ComponentPolicy, state: ComponentState): Step {
  const { phase } = state;
  if (phase.is !== 'stopping' || phase.killAtMs === null) return stay(state);
  const killed: Phase = { ...phase, killAtMs: null };
  return become(policy, state, killed, 'killing', signal(policy, state, 'SIGKILL'));
}

const signal = (
  { name }: ComponentPolicy,
  { run }: ComponentState,
  signal: 'SIGTERM' | 'SIGKILL',
): SystemEffect => ({ type: 'signal', component: name, run, signal });

export function failComponent(policy: ComponentPolicy, state: ComponentState, because: string): Step {
  return become(policy, state, { is: 'failed', because }, `failed: ${because}`);
}

/** @param event of its present process */
export function happen(
  policy: ComponentPolicy,
  state: ComponentState,
  event: ComponentEvent,
  moment: Moment,
): Step {
  switch (event.type) {
    case 'started':
      return started(policy, state, event.pid, moment.atMs);
    case 'checked':
      return event.trouble === null
        ? passed(policy, state, moment.atMs)
        : troubled(policy, state, event.trouble, moment.atMs);
    case 'exited':
      return exited(policy, state, event.exit, moment);
  }
}

function started(policy: ComponentPolicy, state: ComponentState, pid: number, atMs: number): Step {
  const { phase } = state;
  if (phase.is === 'stopping') return stay({ ...state, phase: { ...phase, pid } });
  if (phase.is !== 'starting') return stay(state);
  const begun = { ...state, phase: { ...phase, pid } };
  if (policy.upWhen === 'started') return passed(policy, begun, atMs);
  const checkAtMs = policy.intervalMs === null ? null : atMs;
  return stay({ ...state, phase: { ...begun.phase, checkAtMs } });
}

function passed(policy: ComponentPolicy, state: ComponentState, atMs: number): Step {
  const { phase } = state;
  const checkAtMs = policy.intervalMs === null ? null : atMs + policy.intervalMs;
  if (phase.is === 'running') {
    const well: Phase = { ...phase, checkAtMs, failures: 0, trouble: null };
    return phase.failures === 0
      ? stay({ ...state, phase: well })
      : become(policy, state, well, 'answers again');
  }
  if (phase.is !== 'starting' || phase.pid === null) return stay(state);
  const running: Phase = {
    is: 'running',
    sinceMs: phase.sinceMs,
    pid: phase.pid,
    checkAtMs,
    failures: 0,
    trouble: null,
  };
  const wasUp = state.wasUp || policy.upWhen === 'checked';
  return become(policy, { ...state, wasUp }, running, `running, pid ${phase.pid}`);
}

function troubled(policy: ComponentPolicy, state: ComponentState, trouble: string, atMs: number): Step {
  const { phase } = state;
  if (phase.is === 'starting') {
    return stay({ ...state, phase: { ...phase, trouble, checkAtMs: atMs + START_CHECK_MS } });
  }
  if (phase.is !== 'running' || policy.intervalMs === null) return stay(state);
  const failures = phase.failures + 1;
  const ill: Phase = { ...phase, failures, trouble, checkAtMs: atMs + policy.intervalMs };
  if (failures >= policy.failures) return stop(policy, { ...state, phase: ill }, atMs, trouble);
  return become(
    policy,
    state,
    ill,
    `health check ${failures} of ${policy.failures} that may fail has failed: ${trouble}`,
  );
}

function exited(policy: ComponentPolicy, before: ComponentState, exit: Exit, moment: Moment): Step {
  const { phase } = before;
  if (!hasProcess(before)) return stay(before);
  const hasLived = phase.is === 'running' && moment.atMs - phase.sinceMs >= MIN_LIFE_MS;
  const state = {
    ...before,
    wasUp: before.wasUp || hasLived,
    lastExit: { ...exit, atMs: moment.atMs },
  };
  const because = phase.is === 'stopping' ? phase.because : formatExit(exit);
  if (because === null) return become(policy, state, { is: 'stopped' }, `stopped: ${formatExit(exit)}`);

  const isClean = exit.code === 0 && phase.is !== 'stopping';
  if (isClean && (policy.upWhen === 'done' || policy.restart !== 'always')) {
    return become(policy, { ...state, wasUp: true }, { is: 'completed' }, 'completed');
  }
  if (moment.isEnding) return become(policy, state, { is: 'stopped' }, `stopped: ${formatExit(exit)}`);
  return policy.restart === 'never'
    ? failComponent(policy, state, because)
    : again(policy, state, because, moment);
}

function again(policy: ComponentPolicy, state: ComponentState, because: string, moment: Moment): Step {
  const { restarts: bounds } = policy;
  const { atMs, chance } = moment;
  const recent = inWindow(state.restartsAtMs, bounds, atMs);
  if (recent.length >= bounds.max) {
    const times = bounds.max === 1 ? '1 restart' : `${bounds.max} restarts`;
    const tries = bounds.max === 0 ? '' : `, after ${times} within ${formatDuration(bounds.windowMs)}`;
    return failComponent(policy, state, because + tries);
  }
  const waitMs = restartDelayMs(bounds, recent.length, chance);
  return become(
    policy,
    { ...state, restarts: state.restarts + 1, restartsAtMs: [...recent, atMs] },
    { is: 'backing-off', untilMs: atMs + waitMs, because },
    `${because}; again in ${formatDuration(waitMs)}`,
  );
}

/** What is due at this time. */
export function due(policy: ComponentPolicy, state: ComponentState, atMs: number): Step {
  const { phase, run } = state;
  switch (phase.is) {
    case 'starting':
      if (atMs >= phase.deadlineAtMs) {
        const trouble = phase.trouble === null ? '' : `: ${phase.trouble}`;
        const within = formatDuration(policy.startDeadlineMs);
        const what = policy.upWhen === 'done' ? 'not done' : 'not up';
        return stop(policy, state, atMs, `${what} within ${within}${trouble}`);
      }
      break;
    case 'stopping':
      return phase.killAtMs !== null && atMs >= phase.killAtMs ? kill(policy, state) : stay(state);
    case 'backing-off':
      return stay(atMs >= phase.untilMs ? { ...state, phase: { is: 'waiting' } } : state);
    case 'running':
      break;
    case 'waiting':
    case 'completed':
    case 'failed':
    case 'stopped':
      return stay(state);
  }
  if (phase.checkAtMs === null || atMs < phase.checkAtMs) return stay(state);
  return {
    state: { ...state, phase: { ...phase, checkAtMs: null } },
    effects: [{ type: 'check', component: policy.name, run }],
  };
}

/** When `due` has something to do next; Infinity: never. */
export function dueAtMs({ phase }: ComponentState): number {
  switch (phase.is) {
    case 'starting':
      return Math.min(phase.deadlineAtMs, phase.checkAtMs ?? Infinity);
    case 'running':
      return phase.checkAtMs ?? Infinity;
    case 'stopping':
      return phase.killAtMs ?? Infinity;
    case 'backing-off':
      return phase.untilMs;
    case 'waiting':
    case 'completed':
    case 'failed':
    case 'stopped':
      return Infinity;
  }
}

/* How long a component rests before it is started again, and whether it is at all. */

/** Those that still count, oldest first. */
export const inWindow = (
  restartsAtMs: readonly number[],
  { windowMs }: RestartBounds,
  nowMs: number,
): readonly number[] => restartsAtMs.filter((atMs) => atMs > nowMs - windowMs);

/**
 * Doubled with each restart, up to maxMs, and then a random share of its second half left out: components that died
 * together do not come back together.
 *
 * @param before restarts in the window
 * @param chance in [0, 1)
 */
export function restartDelayMs({ firstMs, maxMs }: RestartBounds, before: number, chance: number): number {
  const longestMs = Math.min(maxMs, firstMs * 2 ** before);
  return Math.ceil((longestMs * (1 + chance)) / 2);
}
