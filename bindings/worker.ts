/** What a compute thread does: it starts the core on the shared memory, learns selections, and runs jobs. */
import type { CoreExports } from './abi.js';
import { Compute } from './compute.js';
import type { Job } from './job.js';

export type ToWorker =
  | {
      readonly kind: 'start';
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
      readonly thread: number;
    }
  | { readonly kind: 'learn'; readonly name: string; readonly module: WebAssembly.Module }
  | { readonly kind: 'run'; readonly job: Job };

export type FromWorker = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly message: string };

/** Answers each 'run', in order, with 'done' or 'failed'. */
export function serve(
  send: (message: FromWorker) => void,
  instantiateCore: (module: WebAssembly.Module, memory: WebAssembly.Memory) => Promise<CoreExports>,
): (message: ToWorker) => void {
  let started: Promise<{ compute: Compute; thread: number }> | undefined;
  let last = Promise.resolve();

  const handle = async (message: ToWorker): Promise<void> => {
    if (message.kind === 'start') {
      const { module, memory, thread } = message;
      started = instantiateCore(module, memory).then((core) => ({
        compute: new Compute(core, memory),
        thread,
      }));
      return;
    }
    if (!started) throw new Error('a compute thread was given work before it was started');
    const { compute, thread } = await started;
    if (message.kind === 'learn') await compute.learn(message.name, message.module);
    else {
      compute.run(message.job, thread);
      send({ kind: 'done' });
    }
  };
  return (message) => {
    last = last
      .then(() => handle(message))
      .catch((error: unknown) => {
        send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
      });
  };
}
