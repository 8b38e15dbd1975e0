/**
 * A compute thread in a browser. It instantiates the core by itself: a page's import map, by which the loader's name
 * would be found where there is no bundler, does not reach into workers.
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
