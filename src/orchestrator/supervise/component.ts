/** One component's share of a step: how its state changes on an event, and when its next deadline is due. */
import {
  type ComponentEvent,
  type ComponentPolicy,
  type ComponentState,
  type Exit,
  formatDuration,
  formatExit,
  type PhaseState,
  type RestartBounds,
  type SystemEffect,
  type SystemStep,
} from './state.js';

type Step = SystemStep<ComponentState>;

/** Time between checks while a component comes up, however long its regular interval is. */
const START_CHECK_MS = 200;

/** A component without checks counts as having been up if it lived this long; a missing program exits at once. */
const MIN_LIFE_MS = 1000;

export const initialComponentState: ComponentState = {
  phase: { name: 'waiting' },
  run: 0,
  wasUp: false,
  restarts: 0,
  restartsAtMs: [],
  lastExit: null,
};

/** The circumstances of an event. */
export interface EventContext {
  readonly atMs: number;
  /** In [0, 1). */
  readonly random: number;
  /** Whether the whole system is stopping, so that nothing restarts. */
  readonly isStopping: boolean;
}

const unchanged = (state: ComponentState): Step => ({ state, effects: [] });

/** Enters a phase and announces it. */
function enter(
  { name }: ComponentPolicy,
  state: ComponentState,
  phase: PhaseState,
  message: string,
  ...effects: readonly SystemEffect[]
): Step {
  const announce: SystemEffect = {
    type: 'announce',
    event: { component: name, state: phase.name, message },
  };
  return { state: { ...state, phase }, effects: [...effects, announce] };
}

export const hasProcess = ({ phase }: ComponentState): boolean =>
  phase.name === 'starting' || phase.name === 'running' || phase.name === 'stopping';

/** Whether its dependents may start. A task is never `running`: it is `starting` until it has completed. */
export const isUp = ({ phase }: ComponentState): boolean =>
  phase.name === 'completed' || phase.name === 'running';

/** Whether its phase is final. */
export const isSettled = ({ phase }: ComponentState): boolean =>
  phase.name === 'completed' || phase.name === 'failed' || phase.name === 'stopped';

export function start(policy: ComponentPolicy, state: ComponentState, atMs: number): Step {
  const run = state.run + 1;
  const phase: PhaseState = {
    name: 'starting',
    sinceMs: atMs,
    pid: null,
    deadlineAtMs: atMs + policy.startDeadlineMs,
    checkAtMs: null,
    checkError: null,
  };
  return enter(policy, { ...state, run }, phase, 'starting', { type: 'start', component: policy.name, run });
}

/** @param reason why this component alone is stopped; null if the whole system stops */
export function stop(
  policy: ComponentPolicy,
  state: ComponentState,
  atMs: number,
  reason: string | null,
): Step {
  const { phase } = state;
  if (phase.name === 'stopping') return unchanged({ ...state, phase: { ...phase, reason } });
  if (phase.name !== 'starting' && phase.name !== 'running') {
    return isSettled(state) ? unchanged(state) : enter(policy, state, { name: 'stopped' }, 'stopped');
  }
  const stopping: PhaseState = {
    name: 'stopping',
    sinceMs: phase.sinceMs,
    pid: phase.pid,
    killAtMs: atMs + policy.stopDeadlineMs,
    reason,
  };
  const message = reason === null ? 'stopping' : `stopping: ${reason}`;
  return enter(policy, state, stopping, message, signal(policy, state, 'SIGTERM'));
}

export function kill(policy: ComponentPolicy, state: ComponentState): Step {
  const { phase } = state;
  if (phase.name !== 'stopping' || phase.killAtMs === null) return unchanged(state);
  const killed: PhaseState = { ...phase, killAtMs: null };
  return enter(policy, state, killed, 'killing', signal(policy, state, 'SIGKILL'));
}

const signal = (
  { name }: ComponentPolicy,
  { run }: ComponentState,
  signal: 'SIGTERM' | 'SIGKILL',
): SystemEffect => ({ type: 'signal', component: name, run, signal });

export function failComponent(policy: ComponentPolicy, state: ComponentState, reason: string): Step {
  return enter(policy, state, { name: 'failed', reason }, `failed: ${reason}`);
}

/** @param event concerns the component's current process */
export function applyEvent(
  policy: ComponentPolicy,
  state: ComponentState,
  event: ComponentEvent,
  context: EventContext,
): Step {
  switch (event.type) {
    case 'started':
      return onStarted(policy, state, event.pid, context.atMs);
    case 'checked':
      return event.error === null
        ? onCheckPassed(policy, state, context.atMs)
        : onCheckFailed(policy, state, event.error, context.atMs);
    case 'exited':
      return onExited(policy, state, event.exit, context);
  }
}

function onStarted(policy: ComponentPolicy, state: ComponentState, pid: number, atMs: number): Step {
  const { phase } = state;
  if (phase.name === 'stopping') return unchanged({ ...state, phase: { ...phase, pid } });
  if (phase.name !== 'starting') return unchanged(state);
  const started = { ...state, phase: { ...phase, pid } };
  if (policy.upWhen === 'started') return onCheckPassed(policy, started, atMs);
  const checkAtMs = policy.intervalMs === null ? null : atMs;
  return unchanged({ ...state, phase: { ...started.phase, checkAtMs } });
}

function onCheckPassed(policy: ComponentPolicy, state: ComponentState, atMs: number): Step {
  const { phase } = state;
  const checkAtMs = policy.intervalMs === null ? null : atMs + policy.intervalMs;
  if (phase.name === 'running') {
    const healthy: PhaseState = { ...phase, checkAtMs, failures: 0, checkError: null };
    return phase.failures === 0
      ? unchanged({ ...state, phase: healthy })
      : enter(policy, state, healthy, 'healthy again');
  }
  if (phase.name !== 'starting' || phase.pid === null) return unchanged(state);
  const running: PhaseState = {
    name: 'running',
    sinceMs: phase.sinceMs,
    pid: phase.pid,
    checkAtMs,
    failures: 0,
    checkError: null,
  };
  const wasUp = state.wasUp || policy.upWhen === 'checked';
  return enter(policy, { ...state, wasUp }, running, `running, pid ${phase.pid}`);
}

function onCheckFailed(
  policy: ComponentPolicy,
  state: ComponentState,
  checkError: string,
  atMs: number,
): Step {
  const { phase } = state;
  if (phase.name === 'starting') {
    return unchanged({ ...state, phase: { ...phase, checkError, checkAtMs: atMs + START_CHECK_MS } });
  }
  if (phase.name !== 'running' || policy.intervalMs === null) return unchanged(state);
  const failures = phase.failures + 1;
  const failing: PhaseState = { ...phase, failures, checkError, checkAtMs: atMs + policy.intervalMs };
  if (failures >= policy.failures) return stop(policy, { ...state, phase: failing }, atMs, checkError);
  return enter(
    policy,
    state,
    failing,
    `health check failed (${failures} of ${policy.failures}): ${checkError}`,
  );
}

function onExited(policy: ComponentPolicy, before: ComponentState, exit: Exit, context: EventContext): Step {
  const { phase } = before;
  if (!hasProcess(before)) return unchanged(before);
  const livedLongEnough = phase.name === 'running' && context.atMs - phase.sinceMs >= MIN_LIFE_MS;
  const state = {
    ...before,
    wasUp: before.wasUp || livedLongEnough,
    lastExit: { ...exit, atMs: context.atMs },
  };
  const reason = phase.name === 'stopping' ? phase.reason : formatExit(exit);
  const stopped = (): Step => enter(policy, state, { name: 'stopped' }, `stopped: ${formatExit(exit)}`);
  if (reason === null) return stopped();

  const isClean = exit.code === 0 && phase.name !== 'stopping';
  if (isClean && (policy.upWhen === 'done' || policy.restart !== 'always')) {
    return enter(policy, { ...state, wasUp: true }, { name: 'completed' }, 'completed');
  }
  if (context.isStopping) return stopped();
  return policy.restart === 'never'
    ? failComponent(policy, state, reason)
    : scheduleRestart(policy, state, reason, context);
}

function scheduleRestart(
  policy: ComponentPolicy,
  state: ComponentState,
  reason: string,
  { atMs, random }: EventContext,
): Step {
  const { restarts: bounds } = policy;
  const recent = state.restartsAtMs.filter((restartMs) => restartMs > atMs - bounds.windowMs);
  if (recent.length >= bounds.max) {
    const times = bounds.max === 1 ? '1 restart' : `${bounds.max} restarts`;
    const tries = bounds.max === 0 ? '' : `, after ${times} within ${formatDuration(bounds.windowMs)}`;
    return failComponent(policy, state, reason + tries);
  }
  const delayMs = restartDelayMs(bounds, recent.length, random);
  return enter(
    policy,
    { ...state, restarts: state.restarts + 1, restartsAtMs: [...recent, atMs] },
    { name: 'backing-off', untilMs: atMs + delayMs, reason },
    `${reason}; restarting in ${formatDuration(delayMs)}`,
  );
}

/**
 * The delay doubles with each restart, up to maxMs; then up to half of it is taken off at random, so that components
 * that died together don't restart together.
 *
 * @param before restarts already in the window
 * @param random in [0, 1)
 */
function restartDelayMs({ firstMs, maxMs }: RestartBounds, before: number, random: number): number {
  const longestMs = Math.min(maxMs, firstMs * 2 ** before);
  return Math.ceil((longestMs * (1 + random)) / 2);
}

/** Applies whatever deadline has passed at this time. */
export function tick(policy: ComponentPolicy, state: ComponentState, atMs: number): Step {
  const { phase, run } = state;
  switch (phase.name) {
    case 'starting':
      if (atMs >= phase.deadlineAtMs) {
        const error = phase.checkError === null ? '' : `: ${phase.checkError}`;
        const within = formatDuration(policy.startDeadlineMs);
        const missed = policy.upWhen === 'done' ? 'not done' : 'not up';
        return stop(policy, state, atMs, `${missed} within ${within}${error}`);
      }
      break;
    case 'stopping':
      return phase.killAtMs !== null && atMs >= phase.killAtMs ? kill(policy, state) : unchanged(state);
    case 'backing-off':
      return unchanged(atMs >= phase.untilMs ? { ...state, phase: { name: 'waiting' } } : state);
    case 'running':
      break;
    case 'waiting':
    case 'completed':
    case 'failed':
    case 'stopped':
      return unchanged(state);
  }
  if (phase.checkAtMs === null || atMs < phase.checkAtMs) return unchanged(state);
  return {
    state: { ...state, phase: { ...phase, checkAtMs: null } },
    effects: [{ type: 'check', component: policy.name, run }],
  };
}

/** When `tick` next has something to do; Infinity if never. */
export function nextTickAtMs({ phase }: ComponentState): number {
  switch (phase.name) {
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
