/** The entry `quorate` for Node, Deno and Bun. */
import { nodeHost } from '../bindings/node.js';
import { installHost } from './core/host.js';

installHost(nodeHost);

export * from './library.js';
export { type FileRows, openRows } from './core/fileSource.js';
