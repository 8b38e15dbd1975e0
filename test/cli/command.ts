/** Runs the real command in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../src/cli/quorate.js', import.meta.url));

export interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly result: Promise<Result>;
  /** Resolves when standard output has this. @throws Error if the process ends before */
  says(text: string): Promise<void>;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A program, with its arguments, that runs the command. */
  readonly by?: readonly string[];
}

/** Whatever this machine's owner has set for the command is not for its tests. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('QUORATE_')),
);

export function start(line: readonly string[], { cwd, env, by = [] }: RunOptions = {}): Started {
  const [command, ...rest] = [...by, process.execPath, '--enable-source-maps', program, ...line];
  const child = spawn(command!, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, ...env },
    ...(cwd !== undefined && { cwd }),
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const result = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return {
    child,
    out: () => out,
    result,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (out.includes(text)) resolve();
        };
        child.stdout.on('data', look);
        look();
        void result.then(({ code }) =>
          reject(new Error(`ended with ${code} before it said '${text}': ${out}${err}`)),
        );
      }),
  };
}

export const run = (line: readonly string[], options?: RunOptions): Promise<Result> =>
  start(line, options).result;
