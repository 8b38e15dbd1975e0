/** Quorate on hosts that can neither read nor fetch the WebAssembly beside it: its bytes are in the JavaScript. */
import { inlineHost } from '../bindings/inline.js';
import { installHost } from './core/host.js';

installHost(inlineHost);

export * from './library.js';
