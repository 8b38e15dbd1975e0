/**
 * A compute thread in a browser. It instantiates the core without the loader, because a page's import map, which
 * resolves the loader's name without a bundler, doesn't apply to workers.
 */
import type { CoreExports } from './abi.js';
import { serve, type ToWorker } from './worker.js';

async function instantiateCore(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<CoreExports> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return exports as CoreExports;
}

const handle = serve((message) => {
  globalThis.postMessage(message);
}, instantiateCore);
globalThis.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  handle(data);
});
