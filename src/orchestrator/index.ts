/** quorate/orchestrator: starts a whole system of processes, and keeps it up. In Node, on Unix systems. */
export { type SystemConfig, type SystemConfigInput, systemSchema } from './plan/systemConfig.js';
export { type LoadedPlan, loadPlan, stateFolderOf } from './plan/loadPlan.js';
export {
  createOrchestrator,
  type LogLine,
  type Orchestrator,
  type OrchestratorOptions,
} from './orchestrator.js';
export type { Check, Component, SystemPlan, Program } from './plan/systemPlan.js';
export type { ComponentAnnouncement, SystemOutcome } from './supervise/state.js';
export { statusAddress } from './stateFolder.js';
export { readStatus, type System, up, type UpOptions } from './up.js';
export type { ComponentView, SystemView } from './supervise/statusView.js';
