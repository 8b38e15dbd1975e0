/** Everything that the package offers on every host. */
export { aggregate, type Aggregate } from './aggregation/aggregate.js';
export { type Batch } from './core/engine.js';
export { createEngine, type Engine, type EngineOptions } from './core/engine.js';
export { type CodecOptions, decode, encode, type Encoded, type Encoding, encodings } from './core/codec.js';
export type { NamedTensors, RowSource } from './core/source.js';
export { type ErrorCode, errorCodes, QuorateError } from './errors.js';
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

export { arc } from './preaggregators/arc.js';
export { bucketing } from './preaggregators/bucketing.js';
export { clipping } from './preaggregators/clipping.js';
export { nnm } from './preaggregators/nnm.js';
export type { Preaggregator } from './preaggregators/preaggregator.js';

export { bulyan } from './rules/bulyan.js';
export { caf } from './rules/caf.js';
export { centeredClipping } from './rules/centeredClipping.js';
export { cge } from './rules/cge.js';
export { geometricMedian } from './rules/geometricMedian.js';
export { krum } from './rules/krum.js';
export { mda } from './rules/mda.js';
export { meamed } from './rules/meamed.js';
export { mean } from './rules/mean.js';
export { median } from './rules/median.js';
export { monna } from './rules/monna.js';
export { multiKrum } from './rules/multiKrum.js';
export { phocas } from './rules/phocas.js';
export type { Rule } from './rules/rule.js';
export { signVote } from './rules/signVote.js';
export { smea } from './rules/smea.js';
export { trimmedMean } from './rules/trimmedMean.js';

export { fedAdagrad } from './optimizers/fedAdagrad.js';
export { fedAdam } from './optimizers/fedAdam.js';
export { fedAvg } from './optimizers/fedAvg.js';
export { fedAvgM } from './optimizers/fedAvgM.js';
export { fedYogi } from './optimizers/fedYogi.js';
export { optimize, type OptimizeOptions, type OptimizeResult } from './optimizers/optimize.js';
export {
  optimizer,
  type OptimizerDescription,
  optimizers,
  optimizerText,
  parseOptimizer,
} from './optimizers/registry.js';
export type { OptimizerState, ServerOptimizer, StateVector } from './optimizers/serverOptimizer.js';
