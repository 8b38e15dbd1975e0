/** Server and node processes of the command line. Their owner must stop them in every case. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { program } from '../../src/manifest.js';
import { behaviorOf, nodeName, type Setting } from './setting.js';

const endWithParent = new URL('./endWithParent.js', import.meta.url).href;
const trainer = fileURLToPath(new URL('./trainer.js', import.meta.url));

/** A running process. */
export interface Running {
  readonly child: ChildProcess;
  /** The end of what it wrote to standard error, for error messages. */
  readonly errorOutput: () => string;
  /** Resolves once the process has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

const MAX_ERROR_OUTPUT = 4000;
/** Time between SIGTERM and SIGKILL. */
const STOP_DEADLINE_MS = 5000;

export class Processes {
  private readonly running = new Set<Running>();

  start(args: readonly string[], stdout: 'pipe' | 'ignore', env: NodeJS.ProcessEnv = {}): Running {
    // In a group of its own, so that a terminal's interrupt reaches only this process, which ends the others in order.
    // The IPC channel closes with this process, even if it is killed, and that ends the child.
    const child = spawn(process.execPath, ['--import', endWithParent, program, ...args], {
      stdio: ['ignore', stdout, 'pipe', 'ipc'],
      detached: process.platform !== 'win32',
      env: { ...process.env, ...env },
    });
    let errorOutput = '';
    child.stderr?.on(
      'data',
      (chunk: Buffer) => (errorOutput = (errorOutput + chunk.toString()).slice(-MAX_ERROR_OUTPUT)),
    );
    const ended = once(child, 'close').then(([code, signal]) => {
      this.running.delete(running);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
    const running: Running = { child, errorOutput: () => errorOutput, ended };
    this.running.add(running);
    return running;
  }

  /** Starts a server and resolves once it is listening. @throws Error with its error output if it ends first */
  async serve(
    flags: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Running & { readonly url: string }> {
    const server = this.start(['serve', '--json', '--log-level', 'warn', ...flags], 'pipe', env);
    const lines = createInterface({ input: server.child.stdout! });
    const listening = once(lines, 'line').then(([line]) => JSON.parse(String(line)) as { url: string });
    const failed = server.ended.then(({ code }) => {
      throw new Error(`the server ended with ${code}: ${server.errorOutput()}`);
    });
    failed.catch(() => undefined); // it ends eventually, which is not an error
    const { url } = await Promise.race([listening, failed]);
    return { ...server, url };
  }

  /** Starts every node of a setting. */
  nodes(setting: Setting, server: string, session: string): Running[] {
    return Array.from({ length: setting.nodes }, (_, node) =>
      this.start(
        [
          ...['node', '--server', server, '--session', session, '--id', nodeName(node), '--trainer', trainer],
          ...['--set', `node=${node}`, '--set', `behavior=${behaviorOf(setting, node)}`],
        ],
        'ignore',
      ),
    );
  }

  /** Sends SIGTERM to every process, and SIGKILL after a deadline. */
  async stop(): Promise<void> {
    const all = [...this.running];
    for (const { child } of all) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const { child } of all) child.kill('SIGKILL');
    }, STOP_DEADLINE_MS);
    await Promise.all(all.map(({ ended }) => ended));
    clearTimeout(timer);
  }

  /** Kills every process at once, for when this process must end. */
  kill(): void {
    for (const { child } of this.running) child.kill('SIGKILL');
  }
}
