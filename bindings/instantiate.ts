import { instantiate } from '@assemblyscript/loader';
import type { CoreExports } from './abi.js';

/** Instantiates the compiled core on a memory. Workers in browsers do it without the loader (worker.browser.ts). */
export async function instantiateCore(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<CoreExports> {
  const { exports } = await instantiate<CoreExports>(module, { env: { memory } });
  return exports;
}
