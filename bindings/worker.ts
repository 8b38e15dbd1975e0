/** A compute thread: starts the core on the shared memory, learns compiled selections, and runs jobs. */
import type { CoreExports } from './abi.js';
import { Compute } from './compute.js';
import type { Job } from './job.js';

/** Messages to a thread: first 'start', then the others in any order. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
      readonly thread: number;
    }
  | { readonly kind: 'learn'; readonly name: string; readonly module: WebAssembly.Module }
  | { readonly kind: 'run'; readonly job: Job };

/** Messages from a thread. */
export type FromWorker = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly message: string };

/** Handles messages in order. Replies to each 'run' with 'done'; any failure is reported as 'failed'. */
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
    if (!started) throw new Error('a compute thread received work before it was started');
    const { compute, thread } = await started;
    switch (message.kind) {
      case 'learn':
        await compute.learn(message.name, message.module);
        return;
      case 'run':
        compute.run(message.job, thread);
        send({ kind: 'done' });
        return;
      default:
        message satisfies never;
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
