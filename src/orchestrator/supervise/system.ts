/**
 * All components together, as a pure function of events: no processes, no clock, no randomness of its own.
 *
 * A step applies its event first, then whatever follows from the state and the time: deadlines that have passed,
 * components that can start because their dependencies are up, components that fail because a dependency has failed,
 * and the end of the system. Components stop in reverse order, each once its dependents have ended.
 */
import {
  applyEvent,
  failComponent,
  hasProcess,
  initialComponentState,
  isSettled,
  isUp,
  kill,
  nextTickAtMs,
  start,
  stop,
  tick,
} from './component.js';
import type {
  ComponentPolicy,
  ComponentState,
  SystemEffect,
  SystemEvent,
  SystemOutcome,
  SystemPolicy,
  SystemState,
  SystemStep,
} from './state.js';

/** Every component waits; nothing starts before the first event. */
export function initialSystemState({ components }: SystemPolicy): SystemState {
  return {
    phase: 'running',
    isStopRequested: false,
    components: Object.fromEntries(components.map(({ name }) => [name, initialComponentState])),
  };
}

/**
 * Never throws. Events that don't apply to the current state change nothing.
 *
 * @param state is not modified
 */
export function stepSystem(
  policy: SystemPolicy,
  state: SystemState,
  event: SystemEvent,
): SystemStep<SystemState> {
  if (state.phase === 'ended') return { state, effects: [] };
  const effects: SystemEffect[] = [];
  let next = state;
  /** Visits each component in turn; each sees the changes made to the ones before it. */
  const each = (
    change: (policy: ComponentPolicy, state: ComponentState) => SystemStep<ComponentState>,
  ): void => {
    for (const component of next.phase === 'stopping' ? policy.components.toReversed() : policy.components) {
      const { name } = component;
      const changed = change(component, next.components[name]!);
      next = { ...next, components: { ...next.components, [name]: changed.state } };
      effects.push(...changed.effects);
    }
  };

  const isStopping = state.phase === 'stopping';
  if (event.type === 'stop') next = { ...next, phase: 'stopping', isStopRequested: true };
  else if (event.type === 'kill') {
    next = { ...next, phase: 'stopping', isStopRequested: true };
    each((component, state) => stopAndKill(component, state, event.atMs));
  } else if (event.type === 'component') {
    const { component: name, run, atMs, random } = event;
    each((component, state) =>
      component.name === name && state.run === run
        ? applyEvent(component, state, event.event, { atMs, random, isStopping })
        : { state, effects: [] },
    );
  }

  each((component, state) => tick(component, state, event.atMs));
  if (next.phase === 'running') each((component, state) => startIfReady(component, state, next, event.atMs));
  if (next.phase === 'running' && isDone(policy, next)) next = { ...next, phase: 'stopping' };
  if (next.phase === 'stopping') {
    each((component, state) =>
      isNeeded(policy, next, component) ? { state, effects: [] } : stop(component, state, event.atMs, null),
    );
  }
  if (next.phase === 'stopping' && Object.values(next.components).every(isSettled)) {
    next = { ...next, phase: 'ended' };
    effects.push({ type: 'end', outcome: outcomeOf(next) });
  }
  return { state: next, effects };
}

/** When the next tick is due, unless another event comes first; null if never. */
export function nextSystemTickAtMs({ components }: SystemState): number | null {
  const next = Math.min(Infinity, ...Object.values(components).map(nextTickAtMs));
  return next === Infinity ? null : next;
}

function stopAndKill(
  policy: ComponentPolicy,
  state: ComponentState,
  atMs: number,
): SystemStep<ComponentState> {
  if (!hasProcess(state)) return { state, effects: [] };
  const stopping = stop(policy, state, atMs, null);
  const killed = kill(policy, stopping.state);
  return { state: killed.state, effects: [...stopping.effects, ...killed.effects] };
}

/** Starts a waiting component once its dependencies are up, and fails it if one of them has failed. */
function startIfReady(
  policy: ComponentPolicy,
  state: ComponentState,
  { components }: SystemState,
  atMs: number,
): SystemStep<ComponentState> {
  if (state.phase.name !== 'waiting') return { state, effects: [] };
  const failed = policy.dependsOn.find((name) => components[name]!.phase.name === 'failed');
  if (failed !== undefined) return failComponent(policy, state, `its dependency ${failed} failed`);
  return policy.dependsOn.every((name) => isUp(components[name]!))
    ? start(policy, state, atMs)
    : { state, effects: [] };
}

/** Whether a direct or indirect dependent has not ended. */
function isNeeded(policy: SystemPolicy, state: SystemState, { name }: ComponentPolicy): boolean {
  return policy.components.some(
    (other) =>
      other.dependsOn.includes(name) &&
      (!isSettled(state.components[other.name]!) || isNeeded(policy, state, other)),
  );
}

/** Whether the system runs for this component: it can complete, and isn't a task that only prepares for others. */
const isJob = ({ restart, upWhen }: ComponentPolicy): boolean => restart !== 'always' && upWhen !== 'done';

function isDone({ components, stopsWhenDone }: SystemPolicy, state: SystemState): boolean {
  const hasEnded = ({ name }: ComponentPolicy): boolean => isSettled(state.components[name]!);
  if (components.every(hasEnded)) return true;
  const jobs = components.filter(isJob);
  return stopsWhenDone && jobs.length > 0 && jobs.every(hasEnded);
}

function outcomeOf({ components, isStopRequested }: SystemState): SystemOutcome {
  const failed = Object.values(components).filter(({ phase }) => phase.name === 'failed');
  if (failed.some(({ wasUp }) => !wasUp)) return 'not-started';
  if (failed.length > 0) return 'degraded';
  return isStopRequested ? 'stopped' : 'completed';
}

/** Whether every component is up and the system isn't stopping. */
export const isReady = ({ phase, components }: SystemState): boolean =>
  phase === 'running' && Object.values(components).every(isUp);
