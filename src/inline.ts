/** The entry `quorate/inline`, for hosts that can neither read nor fetch a .wasm file: the JavaScript contains its bytes. */
import { inlineHost } from '../bindings/inline.js';
import { installHost } from './core/host.js';

installHost(inlineHost);

export * from './library.js';
