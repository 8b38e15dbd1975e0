/** A whole system from its file: its folder, its components, its status. */
import { createTransport } from '../client/transport.js';
import type { LoadedPlan } from './plan/loadPlan.js';
import { createOrchestrator, type Orchestrator, type OrchestratorOptions } from './orchestrator.js';
import { openStateFolder, type StateFolder } from './stateFolder.js';
import type { SystemOutcome } from './supervise/state.js';
import { serveStatus, type StatusServer } from './statusApp.js';
import { type SystemView, systemViewSchema } from './supervise/statusView.js';

export interface UpOptions extends Omit<OrchestratorOptions, 'plan'> {
  readonly plan: LoadedPlan;
}

export interface System extends Omit<Orchestrator, 'start' | 'ended'> {
  /** Of its status. */
  readonly url: string;
  /** When nothing is left of it, its lock and its address included. */
  readonly ended: Promise<SystemOutcome>;
}

/**
 * Starts a system.
 *
 * @throws QuorateError STORE_LOCKED where it runs already, STORE_FULL, STORE_FAILED; INVALID_PARAMETER where the port of
 *   its status is taken
 * @example
 * const system = await up({ plan: await loadPlan('quorate.yaml') });
 * process.once('SIGTERM', () => system.stop());
 * console.log(await system.ended);
 */
export async function up({ plan, ...options }: UpOptions): Promise<System> {
  const orchestrator = createOrchestrator({ plan, ...options });
  const folder = await openStateFolder(plan.stateFolder, plan.files);
  const status = await announced(orchestrator, folder, plan.statusPort).catch(async (error: unknown) => {
    await folder.close();
    throw error;
  });
  orchestrator.start();
  return {
    url: status.url,
    view: () => orchestrator.view(),
    stop: () => orchestrator.stop(),
    hasten: () => orchestrator.hasten(),
    ended: orchestrator.ended.then(async (outcome) => {
      await status.close();
      await folder.close();
      return outcome;
    }),
  };
}

async function announced(
  orchestrator: Orchestrator,
  folder: StateFolder,
  port: number,
): Promise<StatusServer> {
  const status = await serveStatus(() => orchestrator.view(), port);
  try {
    await folder.announce(status.url);
  } catch (error) {
    await status.close();
    throw error;
  }
  return status;
}

/**
 * How a running system is.
 *
 * @param url of its status
 * @throws QuorateError CONNECTION_FAILED, BAD_RESPONSE
 */
export const readStatus = (url: string): Promise<SystemView> =>
  createTransport(url, null).json(systemViewSchema, {
    method: 'GET',
    path: '/v1/components',
    timeoutMs: 5000,
  });
