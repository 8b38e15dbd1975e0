/** Every server optimizer, one line each, as in rules/registry.ts. */
export { fedAdagrad } from './fedAdagrad.js';
export { fedAdam } from './fedAdam.js';
export { fedAvg } from './fedAvg.js';
export { fedAvgM } from './fedAvgM.js';
export { fedYogi } from './fedYogi.js';
