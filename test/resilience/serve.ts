/** `quorate serve`, started by a command that limits it, with what it logged; it may refuse to start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '../../src/client/index.js';

const program = fileURLToPath(new URL('../../src/cli/quorate.js', import.meta.url));

export interface Served {
  readonly child: ChildProcess;
  /** Of the server itself, where a command started it. */
  readonly pid: number;
  readonly url: string;
  readonly client: Client;
  /** Standard error, a line each. */
  readonly log: readonly string[];
  /** Resolves when a line of the log has this, which may be there already. @throws Error if it ends before */
  logged(text: string): Promise<void>;
  /** SIGKILL, or another one; resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Ended before it listened. */
export class Refused extends Error {
  readonly code: number | null;

  constructor(code: number | null, said: string) {
    super(said);
    this.code = code;
  }
}

export interface ServeOptions {
  readonly data: string;
  readonly port?: number;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** A command that runs the rest of its arguments in its own place. */
  readonly prefix?: readonly string[];
}

/** @throws Refused */
export async function serve({ data, port = 0, settings = {}, prefix = [] }: ServeOptions): Promise<Served> {
  const set = Object.entries(settings).flatMap(([name, value]) => [
    '--set',
    `${name}=${JSON.stringify(value)}`,
  ]);
  const flags = ['--json', '--log-level', 'warn', '--port', String(port), '--data', data, ...set];
  const [command, ...line] = [...prefix, process.execPath, program, 'serve', ...flags];
  const child = spawn(command!, line, { stdio: ['ignore', 'pipe', 'pipe'] });
  const log: string[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stderr).on('line', (text) => {
    log.push(text);
    for (const look of [...waiting]) look();
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const listening = once(createInterface(child.stdout), 'line').then(([text]) => String(text));
  const refused = ended.then((code) => {
    throw new Refused(code, log.join('\n'));
  });
  refused.catch(() => undefined); // it ends some time, and that is no failure
  const { url, pid } = JSON.parse(await Promise.race([listening, refused])) as { url: string; pid: number };
  return {
    child,
    pid,
    url,
    client: createClient({ server: url }),
    log,
    logged: (text) =>
      Promise.race([
        refused,
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (!log.some((line) => line.includes(text))) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
          look();
        }),
      ]),
    kill: async (signal = 'SIGKILL') => {
      child.kill(signal);
      await ended;
    },
  };
}
