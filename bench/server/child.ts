/** A server in a child process: its URL, its memory and processor time, and how to stop it. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atExit } from '../cleanup.js';

/** What a child reports about itself. */
export interface Usage {
  readonly residentBytes: number;
  readonly peakBytes: number;
  /** After a garbage collection, if the process can force one. */
  readonly heapBytes: number;
  /** Open file descriptors; 0 if the system doesn't list them. */
  readonly descriptors: number;
  /** Active resources of the event loop: sockets, timers, file system requests. */
  readonly handles: number;
  /** Processor time so far, of all its threads. */
  readonly cpuMs: number;
}

export interface Child {
  /** http://127.0.0.1:port */
  readonly url: string;
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}

/** Sent by the child once it is listening. */
export interface Listening {
  readonly port: number;
}

const isListening = (message: unknown): message is Listening =>
  typeof message === 'object' && message !== null && 'port' in message;

/**
 * @param script a file next to this one, without its extension
 * @param options passed as JSON, as its only argument
 */
export async function startChild(script: string, options: object): Promise<Child> {
  const file = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  const child = fork(file, [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  const end = atExit(() => child.kill());
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`${script} ended with ${code ?? signal}`)));
    child.once('error', reject);
  });
  ended.catch(() => undefined); // reported by nextMessage
  const nextMessage = (): Promise<unknown> =>
    Promise.race([new Promise((resolve) => child.once('message', resolve)), ended]);

  const first = await nextMessage();
  if (!isListening(first)) throw new Error(`${script} did not report its port`);
  return {
    url: `http://127.0.0.1:${first.port}`,
    async usage() {
      const reply = nextMessage();
      child.send('usage');
      return (await reply) as Usage;
    },
    async stop() {
      end();
      await ended.catch(() => undefined);
    },
  };
}
