/** quorate/orchestrator: starts a whole system of processes and keeps it running. Node on Unix systems only. */
export type { Clock } from '../core/clock.js';
export {
  createOrchestrator,
  type LogLine,
  type Orchestrator,
  type OrchestratorOptions,
} from './orchestrator.js';
export type { PlannedFile } from './plan/components.js';
export { type LoadedPlan, loadPlan, stateFolderOf } from './plan/loadPlan.js';
export { type SystemConfig, type SystemConfigInput, systemSchema } from './plan/systemConfig.js';
export type { Check, Component, Program, SystemPlan } from './plan/systemPlan.js';
export type { OutputStream } from './processes/launch.js';
export { statusAddress } from './stateFolder.js';
export type {
  ComponentAnnouncement,
  ComponentPhase,
  ComponentPolicy,
  Exit,
  RestartBounds,
  RestartPolicy,
  SystemOutcome,
  SystemPolicy,
} from './supervise/state.js';
export type { ComponentView, SystemView } from './supervise/statusView.js';
export { readStatus, type System, up, type UpOptions } from './up.js';
