/** The one place where a compiled core becomes callable. */
import { instantiate } from '@assemblyscript/loader';
import type { CoreExports } from './abi.js';

export async function instantiateCore(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<CoreExports> {
  const { exports } = await instantiate<CoreExports>(module, { env: { memory } });
  return exports;
}
