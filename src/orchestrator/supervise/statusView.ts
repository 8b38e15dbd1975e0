/** What is told of a running system, as JSON. */
import { z } from 'zod';
import type { ComponentState, Phase, SystemPolicy, SystemState } from './state.js';
import { isReady } from './system.js';

const states = [
  'waiting',
  'starting',
  'running',
  'stopping',
  'backing-off',
  'completed',
  'failed',
  'stopped',
] as const satisfies readonly Phase['is'][];

const componentViewSchema = z.strictObject({
  name: z.string(),
  state: z.enum(states),
  pid: z.int().nullable(),
  /** Of its present process. */
  uptimeMs: z.number().nullable(),
  restarts: z.int(),
  /** Null: it is not asked, or not yet. */
  health: z.enum(['healthy', 'failing']).nullable(),
  /** Why it is as it is, for people; null: there is nothing to say. */
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

export const systemViewSchema = z.strictObject({
  status: z.enum(['ready', 'not-ready', 'degraded', 'stopping']),
  components: z.array(componentViewSchema),
});

export type ComponentView = z.output<typeof componentViewSchema>;
export type SystemView = z.output<typeof systemViewSchema>;

export function viewOf(policy: SystemPolicy, state: SystemState, nowMs: number): SystemView {
  return {
    status: statusOf(state),
    components: policy.components.map(({ name, intervalMs, dependsOn }) => {
      const component = state.components[name]!;
      const { phase, restarts, lastExit } = component;
      return {
        name,
        state: phase.is,
        pid: 'pid' in phase ? phase.pid : null,
        uptimeMs: 'sinceMs' in phase ? nowMs - phase.sinceMs : null,
        restarts,
        health: intervalMs === null ? null : healthOf(component),
        reason: reasonOf(phase),
        lastExit,
        dependsOn: [...dependsOn],
      };
    }),
  };
}

function statusOf(state: SystemState): SystemView['status'] {
  if (state.phase !== 'running') return 'stopping';
  if (isReady(state)) return 'ready';
  return Object.values(state.components).some(({ phase }) => phase.is === 'failed')
    ? 'degraded'
    : 'not-ready';
}

function healthOf({ phase }: ComponentState): ComponentView['health'] {
  if (phase.is === 'stopping') return phase.because === null ? null : 'failing';
  if (phase.is !== 'running') return null;
  return phase.failures === 0 ? 'healthy' : 'failing';
}

function reasonOf(phase: Phase): string | null {
  if ('because' in phase) return phase.because;
  return 'trouble' in phase ? phase.trouble : null;
}
