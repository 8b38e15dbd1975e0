/** The entry `quorate` for browsers. */
import { browserHost } from '../bindings/browser.js';
import { installHost } from './core/host.js';

installHost(browserHost);

export * from './library.js';
