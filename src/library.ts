/** Everything that the package offers on every host. The entries (index.ts, browser.ts, inline.ts) add a host. */
export { aggregate, type Aggregate } from './aggregation/aggregate.js';
export {
  parsePipeline,
  pipeline,
  type Pipeline,
  pipelineText,
  rules,
  type StageDescription,
} from './aggregation/pipeline.js';
export type { Report, RowReport } from './aggregation/report.js';
export type { AggregateOptions } from './aggregation/run.js';
export type { Updates } from './aggregation/updates.js';
export { type CodecOptions, decode, encode, type Encoded, type Encoding, encodings } from './core/codec.js';
export { type Batch, createEngine, type Engine, type EngineOptions } from './core/engine.js';
export type { NamedTensors, RowSource } from './core/source.js';
export type { ParameterDescription } from './core/validation.js';
export { type ErrorCode, errorCodes, QuorateError } from './errors.js';
export { optimize, type OptimizeOptions, type OptimizeResult } from './optimizers/optimize.js';
export {
  optimizer,
  type OptimizerDescription,
  optimizers,
  optimizerText,
  parseOptimizer,
} from './optimizers/optimizersByName.js';
export * from './optimizers/registry.js';
export type {
  OptimizerFactory,
  OptimizerState,
  ServerOptimizer,
  StateVector,
} from './optimizers/serverOptimizer.js';
export type { Preaggregator, PreaggregatorFactory } from './preaggregators/preaggregator.js';
export * from './preaggregators/registry.js';
export * from './rules/registry.js';
export type { FactoryArguments, Rule, RuleFactory, Stage } from './rules/rule.js';
