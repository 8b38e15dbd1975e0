/** Where a compiled core becomes callable; a browser's workers have their own way (worker.browser.ts). */
import { instantiate } from '@assemblyscript/loader';
import type { CoreExports } from './abi.js';

export async function instantiateCore(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<CoreExports> {
  const { exports } = await instantiate<CoreExports>(module, { env: { memory } });
  return exports;
}
