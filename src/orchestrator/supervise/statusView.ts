/** The status of a running system, as JSON. */
import * as z from 'zod';
import type { Clock } from '../../core/clock.js';
import {
  type ComponentPhase,
  componentPhases,
  type ComponentState,
  type Exit,
  type PhaseState,
  type SystemPolicy,
  type SystemState,
} from './state.js';
import { isReady } from './system.js';

/** The status of one component. */
export interface ComponentView {
  /** The component's name. */
  readonly name: string;
  /** The phase that it is in. */
  readonly state: ComponentPhase;
  /** Null if no process is running. */
  readonly pid: number | null;
  /** How long the current process has been running; null if there is none. */
  readonly uptimeMs: number | null;
  /** Since the system started. */
  readonly restarts: number;
  /** Null if the component isn't checked, or not yet. */
  readonly health: 'healthy' | 'failing' | null;
  /** For humans: why the component is in this state, where there is something to say. */
  readonly reason: string | null;
  /** How its last process ended; null if none has. */
  readonly lastExit: (Exit & { readonly atMs: number }) | null;
  /** Names of the components that must be up before this one starts. */
  readonly dependsOn: readonly string[];
}

/** The status of a system. */
export interface SystemView {
  /** `ready`: every component is up or completed. `degraded`: at least one has failed. */
  readonly status: 'ready' | 'not-ready' | 'degraded' | 'stopping';
  /** In start order. */
  readonly components: readonly ComponentView[];
}

const componentViewSchema = z.strictObject({
  name: z.string(),
  state: z.enum(componentPhases),
  pid: z.int().nullable(),
  uptimeMs: z.number().nullable(),
  restarts: z.int(),
  health: z.enum(['healthy', 'failing']).nullable(),
  reason: z.string().nullable(),
  lastExit: z
    .strictObject({
      code: z.int().nullable(),
      signal: z.string().nullable(),
      message: z.string().nullable(),
      atMs: z.number(),
    })
    .nullable(),
  dependsOn: z.array(z.string()),
});

/** A status as it arrives over HTTP. */
export const systemViewSchema: z.ZodType<SystemView> = z.strictObject({
  status: z.enum(['ready', 'not-ready', 'degraded', 'stopping']),
  components: z.array(componentViewSchema),
});

export function viewOf(
  policy: SystemPolicy,
  state: SystemState,
  clock: Pick<Clock, 'now' | 'toWall'>,
): SystemView {
  const nowMs = clock.now();
  return {
    status: statusOf(state),
    components: policy.components.map(({ name, intervalMs, dependsOn }) => {
      const component = state.components[name]!;
      const { phase, restarts, lastExit } = component;
      return {
        name,
        state: phase.name,
        pid: 'pid' in phase ? phase.pid : null,
        uptimeMs: 'sinceMs' in phase ? nowMs - phase.sinceMs : null,
        restarts,
        health: intervalMs === null ? null : healthOf(component),
        reason: reasonOf(phase),
        lastExit: lastExit && { ...lastExit, atMs: clock.toWall(lastExit.atMs) },
        dependsOn: [...dependsOn],
      };
    }),
  };
}

function statusOf(state: SystemState): SystemView['status'] {
  if (state.phase !== 'running') return 'stopping';
  if (isReady(state)) return 'ready';
  return Object.values(state.components).some(({ phase }) => phase.name === 'failed')
    ? 'degraded'
    : 'not-ready';
}

function healthOf({ phase }: ComponentState): ComponentView['health'] {
  if (phase.name === 'stopping') return phase.reason === null ? null : 'failing';
  if (phase.name !== 'running') return null;
  return phase.failures === 0 ? 'healthy' : 'failing';
}

function reasonOf(phase: PhaseState): string | null {
  if ('reason' in phase) return phase.reason;
  return 'checkError' in phase ? phase.checkError : null;
}
