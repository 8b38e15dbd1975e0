/**
 * `quorate/attacks`: what dishonest nodes may send, to try a pipeline against.
 *
 * @example
 * const lies = aLittleIsEnough({ tau: 1 }).forge(honest, 3);
 * const { value } = await aggregate([...honest, ...lies], trimmedMean({ f: 3 }));
 */
export { type Attack, type AttackDefinition, type AttackFactory } from './attack.js';
export { aLittleIsEnough } from './aLittleIsEnough.js';
export { gaussian } from './gaussian.js';
export { infinity } from './infinity.js';
export { innerProductManipulation } from './innerProductManipulation.js';
export { mimic } from './mimic.js';
export {
  type GradedAttack,
  optimal,
  type OptimalAttack,
  type OptimalOptions,
  type Optimum,
} from './optimal.js';
export { attack, type AttackDescription, attacks } from './registry.js';
export { signFlipping } from './signFlipping.js';
