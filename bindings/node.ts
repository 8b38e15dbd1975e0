/** Runs the core in Node, and in Deno and Bun through their Node modules. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ComputeThread, type Host, MAX_PAGES, PAGE_BYTES } from './abi.js';

const compiled = new Map<boolean, Promise<WebAssembly.Module>>();

/** Bundlers find only URLs that are written out. */
const coreUrl = (shared: boolean): URL =>
  shared
    ? new URL('../wasm/core.shared.wasm', import.meta.url)
    : new URL('../wasm/core.wasm', import.meta.url);

function compileCore(shared: boolean): Promise<WebAssembly.Module> {
  let module = compiled.get(shared);
  if (!module) {
    module = readFile(coreUrl(shared)).then((bytes) => WebAssembly.compile(bytes));
    compiled.set(shared, module);
  }
  return module;
}

function startThread(): ComputeThread {
  const worker = new Worker(new URL('./worker.node.js', import.meta.url));
  worker.unref();
  let stopping = false;
  return {
    send: (message) => {
      worker.postMessage(message);
    },
    listen(onMessage, onEnd) {
      worker.on('message', onMessage);
      worker.on('error', onEnd);
      worker.on('exit', (code) => {
        if (!stopping) onEnd(new Error(`the compute thread exited with code ${code}`));
      });
    },
    hold(active) {
      if (active) worker.ref();
      else worker.unref();
    },
    async stop() {
      stopping = true;
      await worker.terminate();
    },
  };
}

export const nodeHost: Host = {
  hardwareThreads: availableParallelism(),
  canShareMemory: true,
  defaultMemoryLimitBytes: MAX_PAGES * PAGE_BYTES,
  compileCore,
  startThread,
  sha256() {
    const hash = createHash('sha256');
    return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
  },
};
