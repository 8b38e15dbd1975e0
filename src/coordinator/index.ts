/** The entry `quorate/coordinator`: the coordinator without HTTP, and its stores, in Node. */
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';

installHost(nodeHost);

export type {
  Coordinator,
  CoordinatorOptions,
  EventFeed,
  UpdateFormat,
  UpdateRequirements,
} from './coordinator.js';
export { createCoordinator } from './createCoordinator.js';
export type { IncomingUpdate } from './ingest/readChunks.js';
export type { Model, StoredModel } from './session/models.js';
export {
  type LearningRate,
  nextModel,
  type Recipe,
  type RoundInput,
  type RoundOutput,
  type RowFacts,
} from './session/nextModel.js';
export type { EvaluateModel, OnStep } from './session/session.js';
export { type SessionPlan, planSession } from './session/sessionPlan.js';
export { type DiskStoreOptions, openDiskStore } from '../store/disk/diskStore.js';
export { memoryStore } from '../store/memory/memoryStore.js';
export type { Retention, RetentionOptions } from '../store/retention.js';
export type {
  Checkpoint,
  CheckpointSummary,
  CountedEvaluations,
  Damage,
  EvaluationRecord,
  EventLog,
  JournalRecord,
  NodeEntry,
  NumberedEvent,
  RoundHeader,
  RoundStore,
  SessionEntry,
  SessionStore,
  Slot,
  Store,
  StoredEvaluations,
  TimeMark,
} from '../store/store.js';

// What the types above refer to.
export type { Pipeline } from '../aggregation/pipeline.js';
export type { Report, RowReport } from '../aggregation/report.js';
export type { Clock } from '../core/clock.js';
export type { Batch, Engine, EngineOptions } from '../core/engine.js';
export type { RowSource } from '../core/source.js';
export { type ErrorCode, QuorateError } from '../errors.js';
export type { TensorShape } from '../formats/tensorShape.js';
export type { OptimizerState, ServerOptimizer, StateVector } from '../optimizers/serverOptimizer.js';
export type { Preaggregator } from '../preaggregators/preaggregator.js';
export type { Metrics } from '../protocol/names.js';
export type { SessionConfig, SessionConfigInput } from '../protocol/sessionConfig.js';
export type {
  Evaluation,
  MetricsPoint,
  ModelView,
  NodeRecordView,
  NodeRegistration,
  NodeView,
  RoundSummary,
  RoundUpdate,
  RoundView,
  SessionView,
  UpdateReceipt,
} from '../protocol/views.js';
export type {
  AcceptedUpdate,
  AdaptiveDeadline,
  AttemptId,
  ClosedRound,
  CommitAnnouncement,
  Failure,
  Announcement,
  Judgment,
  Mode,
  NodeRecord,
  NodeSelection,
  Policy,
  RoundState,
  SessionEvent,
  SessionState,
  SessionStatus,
  StopWhen,
} from '../rounds/machine.js';
export type { Rule, Stage } from '../rules/rule.js';
