/** Runs a whole system from its file: its folder, its components, its status page. */
import { createTransport } from '../client/transport.js';
import type { LoadedPlan } from './plan/loadPlan.js';
import { createOrchestrator, type Orchestrator, type OrchestratorOptions } from './orchestrator.js';
import { openStateFolder, type StateFolder } from './stateFolder.js';
import { serveStatus, type StatusServer } from './statusApp.js';
import type { SystemOutcome } from './supervise/state.js';
import { type SystemView, systemViewSchema } from './supervise/statusView.js';

/** What `up` takes: the options of `createOrchestrator`, with a plan that was read from a file. */
export interface UpOptions extends Omit<OrchestratorOptions, 'plan'> {
  /** The plan, from `loadPlan`. */
  readonly plan: LoadedPlan;
}

/** A running system. */
export interface System {
  /** The URL of its status page. */
  readonly url: string;
  /** The status at this moment. */
  view(): SystemView;
  /** Stops every component, dependents first. Calling it again changes nothing. */
  stop(): void;
  /** Sends SIGKILL to every component at once. */
  kill(): void;
  /** Resolves once every process has ended and the system's lock is released. */
  readonly ended: Promise<SystemOutcome>;
}

/**
 * Starts a system.
 *
 * @throws QuorateError STORE_LOCKED if the system is already running; STORE_FULL, STORE_FAILED; PORT_IN_USE if
 *   the port of the status page is taken
 * @example
 * const system = await up({ plan: await loadPlan('quorate.yaml') });
 * process.once('SIGTERM', () => system.stop());
 * console.log(await system.ended);
 */
export async function up({ plan, ...options }: UpOptions): Promise<System> {
  const orchestrator = createOrchestrator({ plan, ...options });
  const folder = await openStateFolder(plan.stateFolder, plan.files);
  const status = await startStatus(orchestrator, folder, plan.statusPort).catch(async (error: unknown) => {
    await folder.close();
    throw error;
  });
  orchestrator.start();
  return {
    url: status.url,
    view: () => orchestrator.view(),
    stop: () => orchestrator.stop(),
    kill: () => orchestrator.kill(),
    ended: orchestrator.ended.then(async (outcome) => {
      await status.close();
      await folder.close();
      return outcome;
    }),
  };
}

async function startStatus(
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
 * Reads the status of a running system.
 *
 * @param url the URL of its status page, from `statusAddress`
 * @throws QuorateError CONNECTION_FAILED if no system responds there; BAD_RESPONSE if something else does
 * @example
 * const { status, components } = await readStatus(await statusAddress(stateFolderOf('quorate.yaml')));
 */
export const readStatus = (url: string): Promise<SystemView> =>
  createTransport(url, null).json(systemViewSchema, {
    method: 'GET',
    path: '/v1/components',
    timeoutMs: 5000,
  });
