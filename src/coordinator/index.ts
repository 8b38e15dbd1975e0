/** Quorate's coordinator and its stores, in Node. */
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';

installHost(nodeHost);

export { createCoordinator } from './createCoordinator.js';
export type {
  Clock,
  Coordinator,
  CoordinatorOptions,
  EventFeed,
  IncomingUpdate,
  Model,
  StoredModel,
  UpdateFormat,
  UpdateRequirements,
} from './coordinator.js';
export {
  type LearningRate,
  nextModel,
  type Recipe,
  type RoundInput,
  type RoundOutput,
  type RowFacts,
} from './nextModel.js';
export { type Plan, planOf } from './policy.js';
export { type DiskStoreOptions, openDiskStore } from '../store/disk.js';
export { memoryStore } from '../store/memory.js';
export type { Store } from '../store/store.js';
