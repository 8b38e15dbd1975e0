/** Every attack, one line each, as in rules/registry.ts. */
export { aLittleIsEnough } from './aLittleIsEnough.js';
export { gaussian } from './gaussian.js';
export { infinity } from './infinity.js';
export { innerProductManipulation } from './innerProductManipulation.js';
export { mimic } from './mimic.js';
export { signFlipping } from './signFlipping.js';
