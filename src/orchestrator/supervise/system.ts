/**
 * All components together, as a pure function: no process, no clock, no chance of its own. Events come in, with their
 * time; the state and what is to be done come out.
 *
 * Each event is dealt with first, and then what follows from the state and the time: what is due, what can start
 * because all that it needs is up, what can never start because something that it needs has failed, whether the end
 * has come. In the end each is told only when all that need it have ended.
 */
import {
  due,
  dueAtMs,
  failComponent,
  fresh,
  happen,
  hasProcess,
  isSettled,
  isUp,
  kill,
  start,
  stop,
} from './component.js';
import type {
  ComponentPolicy,
  ComponentState,
  SystemEffect,
  SystemOutcome,
  SystemStep,
  SystemEvent,
  SystemPolicy,
  SystemState,
} from './state.js';

/** Nothing is started before the first event. */
export function beginSystem({ components }: SystemPolicy): SystemState {
  return {
    phase: 'running',
    isAsked: false,
    components: Object.fromEntries(components.map(({ name }) => [name, fresh])),
  };
}

/**
 * Never throws; events that mean nothing in this state change nothing.
 *
 * @param state not written to
 */
export function stepSystem(
  policy: SystemPolicy,
  state: SystemState,
  event: SystemEvent,
): SystemStep<SystemState> {
  if (state.phase === 'ended') return { state, effects: [] };
  const effects: SystemEffect[] = [];
  let next = state;
  /** Each component in turn, as the ones before it have left it. */
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

  const isEnding = state.phase === 'stopping';
  if (event.type === 'stop') next = { ...next, phase: 'stopping', isAsked: true };
  else if (event.type === 'hasten') {
    next = { ...next, phase: 'stopping', isAsked: true };
    each((component, state) => killed(component, state, event.atMs));
  } else if (event.type === 'component') {
    const { component: name, run, atMs, chance } = event;
    each((component, state) =>
      component.name === name && state.run === run
        ? happen(component, state, event.event, { atMs, chance, isEnding })
        : { state, effects: [] },
    );
  }

  each((component, state) => due(component, state, event.atMs));
  if (next.phase === 'running') each((component, state) => begun(component, state, next, event.atMs));
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

/** When a tick is needed next, whatever else happens; null: never. */
export function systemWakesAtMs({ components }: SystemState): number | null {
  const next = Math.min(Infinity, ...Object.values(components).map(dueAtMs));
  return next === Infinity ? null : next;
}

function killed(policy: ComponentPolicy, state: ComponentState, atMs: number): SystemStep<ComponentState> {
  if (!hasProcess(state)) return { state, effects: [] };
  const told = stop(policy, state, atMs, null);
  const ended = kill(policy, told.state);
  return { state: ended.state, effects: [...told.effects, ...ended.effects] };
}

/** A component that waits starts, or fails, or goes on waiting, as those that it needs are. */
function begun(
  policy: ComponentPolicy,
  state: ComponentState,
  { components }: SystemState,
  atMs: number,
): SystemStep<ComponentState> {
  if (state.phase.is !== 'waiting') return { state, effects: [] };
  const failed = policy.dependsOn.find((name) => components[name]!.phase.is === 'failed');
  if (failed !== undefined) return failComponent(policy, state, `it needs ${failed}, which failed`);
  return policy.dependsOn.every((name) => isUp(components[name]!))
    ? start(policy, state, atMs)
    : { state, effects: [] };
}

/** Whether something that depends on it, be it through others, has not ended. */
function isNeeded(policy: SystemPolicy, state: SystemState, { name }: ComponentPolicy): boolean {
  return policy.components.some(
    (other) =>
      other.dependsOn.includes(name) &&
      (!isSettled(state.components[other.name]!) || isNeeded(policy, state, other)),
  );
}

/** A task only prepares for others; what may complete and is none is what the system runs for. */
const isPurpose = ({ restart, upWhen }: ComponentPolicy): boolean =>
  restart !== 'always' && upWhen !== 'done';

function isDone({ components, stopsWhenDone }: SystemPolicy, state: SystemState): boolean {
  const isEnded = ({ name }: ComponentPolicy): boolean => isSettled(state.components[name]!);
  if (components.every(isEnded)) return true;
  const purposes = components.filter(isPurpose);
  return stopsWhenDone && purposes.length > 0 && purposes.every(isEnded);
}

function outcomeOf({ components, isAsked }: SystemState): SystemOutcome {
  const failed = Object.values(components).filter(({ phase }) => phase.is === 'failed');
  if (failed.some(({ wasUp }) => !wasUp)) return 'not-started';
  if (failed.length > 0) return 'degraded';
  return isAsked ? 'stopped' : 'completed';
}

/** Whether all is as it should be. */
export const isReady = ({ phase, components }: SystemState): boolean =>
  phase === 'running' && Object.values(components).every(isUp);
