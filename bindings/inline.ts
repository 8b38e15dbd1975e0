/** Runs the core from bytes in the JavaScript, on one thread, for hosts that can neither read nor fetch a file. */
import { type Host, MAX_PAGES, PAGE_BYTES } from './abi.js';
import { coreBytes } from './coreBytes.generated.js';
import { webSha256 } from './webHash.js';

let compiled: Promise<WebAssembly.Module> | undefined;

export const inlineHost: Host = {
  hardwareThreads: 1,
  canShareMemory: false,
  defaultMemoryLimitBytes: MAX_PAGES * PAGE_BYTES,
  compileCore() {
    compiled ??= WebAssembly.compile(
      Uint8Array.from(atob(coreBytes), (character) => character.charCodeAt(0)),
    );
    return compiled;
  },
  startThread() {
    throw new Error('the inline core has no compute threads');
  },
  sha256: webSha256,
};
