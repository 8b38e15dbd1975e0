/**
 * Runs the core in browsers. The .wasm file is fetched from the folder of the JavaScript. Threads need cross-origin
 * isolation (COOP `same-origin` and COEP `require-corp`); without it, everything runs on one thread.
 */
import type { ComputeThread, Host } from './abi.js';
import { webSha256 } from './webHash.js';

/** Phones can't reserve 4 GiB of shared memory. */
const ONE_GIBIBYTE = 2 ** 30;

const compiled = new Map<boolean, Promise<WebAssembly.Module>>();

async function fetchModule(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url.href} returned status ${response.status}`);
  // compileStreaming rejects a wrong MIME type, but the bytes are fine.
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('application/wasm')) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Bundlers find only URLs that are written out. */
const coreUrl = (shared: boolean): URL =>
  shared
    ? new URL('../wasm/core.shared.wasm', import.meta.url)
    : new URL('../wasm/core.wasm', import.meta.url);

function compileCore(shared: boolean): Promise<WebAssembly.Module> {
  let module = compiled.get(shared);
  if (!module) {
    module = fetchModule(coreUrl(shared));
    compiled.set(shared, module);
    module.catch(() => compiled.delete(shared)); // so that a failed download can be retried
  }
  return module;
}

function startThread(): ComputeThread {
  const worker = new Worker(new URL('./worker.browser.js', import.meta.url), { type: 'module' });
  return {
    send: (message) => {
      worker.postMessage(message);
    },
    listen(onMessage, onEnd) {
      worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        onMessage(data);
      });
      worker.addEventListener('error', (event) => {
        onEnd(new Error(event.message || 'the compute thread did not start'));
      });
    },
    hold: () => undefined,
    stop() {
      worker.terminate();
      return Promise.resolve();
    },
  };
}

export const browserHost: Host = {
  hardwareThreads: globalThis.navigator?.hardwareConcurrency ?? 1,
  canShareMemory: globalThis.crossOriginIsolated === true,
  defaultMemoryLimitBytes: ONE_GIBIBYTE,
  compileCore,
  startThread,
  sha256: webSha256,
};
