/**
 * `quorate/attacks`: what malicious nodes may send, to test a pipeline against.
 *
 * @example
 * const malicious = aLittleIsEnough({ tau: 1 }).forge(honest, 3);
 * const { value } = await aggregate([...honest, ...malicious], trimmedMean({ f: 3 }));
 */
export type { Pipeline } from '../aggregation/pipeline.js';
export type { Batch, Engine } from '../core/engine.js';
export type { ParameterDescription } from '../core/validation.js';
export type { Preaggregator } from '../preaggregators/preaggregator.js';
export type { FactoryArguments, Rule, Stage } from '../rules/rule.js';
export type { Attack, AttackFactory } from './attack.js';
export { attack, type AttackDescription, attacks } from './attacksByName.js';
export {
  type GradedAttack,
  optimal,
  type OptimalAttack,
  type OptimalOptions,
  type Optimum,
} from './optimal.js';
export * from './registry.js';
