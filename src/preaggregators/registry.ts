/** Every pre-aggregator, one line each, as in rules/registry.ts. */
export { arc } from './arc.js';
export { bucketing } from './bucketing.js';
export { clipping } from './clipping.js';
export { nnm } from './nnm.js';
