/** A server in a process of its own, as the benchmarks see it: an address, its memory and processor time, its end. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atExit } from '../cleanup.js';

/** What a child tells of itself when it is asked. */
export interface Usage {
  readonly residentBytes: number;
  readonly peakBytes: number;
  /** After a collection, where the process can be made to collect. */
  readonly heapBytes: number;
  /** Open file descriptors; 0 where the system doesn't list them. */
  readonly descriptors: number;
  /** What keeps the event loop busy: sockets, timers, requests to the file system. */
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

/** From the child, once it listens. */
export interface Listening {
  readonly port: number;
}

const isListening = (message: unknown): message is Listening =>
  typeof message === 'object' && message !== null && 'port' in message;

/**
 * @param script beside this file, without its ending
 * @param options its only argument, as JSON
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
  ended.catch(() => undefined); // told to whoever waits for an answer
  const answer = (): Promise<unknown> =>
    Promise.race([new Promise((resolve) => child.once('message', resolve)), ended]);

  const first = await answer();
  if (!isListening(first)) throw new Error(`${script} did not say where it listens`);
  return {
    url: `http://127.0.0.1:${first.port}`,
    async usage() {
      const told = answer();
      child.send('usage');
      return (await told) as Usage;
    },
    async stop() {
      end();
      await ended.catch(() => undefined);
    },
  };
}
