/**
 * Every rule, one line each. The package exports these names; `rules()`, pipelines read from text, the tests and the
 * benchmarks take the rules from here. An export is the rule's own name in camelCase.
 */
export { bulyan } from './bulyan.js';
export { caf } from './caf.js';
export { centeredClipping } from './centeredClipping.js';
export { cge } from './cge.js';
export { geometricMedian } from './geometricMedian.js';
export { krum } from './krum.js';
export { mda } from './mda.js';
export { meamed } from './meamed.js';
export { mean } from './mean.js';
export { median } from './median.js';
export { monna } from './monna.js';
export { multiKrum } from './multiKrum.js';
export { phocas } from './phocas.js';
export { signVote } from './signVote.js';
export { smea } from './smea.js';
export { trimmedMean } from './trimmedMean.js';
