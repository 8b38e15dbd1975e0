/** Quorate's coordinator and its stores, in Node. */
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';

installHost(nodeHost);

export { createCoordinator } from './createCoordinator.js';
export type {
  Coordinator,
  CoordinatorOptions,
  EventFeed,
  UpdateFormat,
  UpdateRequirements,
} from './coordinator.js';
export type { Clock } from '../core/clock.js';
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
export { type SessionPlan, planSession } from './session/sessionPlan.js';
export { type DiskStoreOptions, openDiskStore } from '../store/disk/diskStore.js';
export { memoryStore } from '../store/memory/memoryStore.js';
export type { Store } from '../store/store.js';
