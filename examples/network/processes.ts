/** Processes of the command line: a server, and nodes. Whoever starts them stops them, whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { program } from '../../src/manifest.js';
import { behaviorOf, nodeName, type Setting } from './setting.js';

const endWithParent = new URL('./endWithParent.js', import.meta.url).href;
const trainer = fileURLToPath(new URL('./trainer.js', import.meta.url));

/** A process, and what it said on standard error, for messages. */
export interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** Resolves with how it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

const MAX_SAID = 4000;
/** For a process to end by itself once it is told to. */
const PATIENCE_MS = 5000;

export class Processes {
  private readonly running = new Set<Running>();

  start(line: readonly string[], stdout: 'pipe' | 'ignore'): Running {
    // A group of its own: a terminal's interrupt goes to us alone, and we end the others in order.
    // The channel closes with us, even if we are killed, and that ends them.
    const child = spawn(process.execPath, ['--import', endWithParent, program, ...line], {
      stdio: ['ignore', stdout, 'pipe', 'ipc'],
      detached: process.platform !== 'win32',
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-MAX_SAID)));
    const ended = once(child, 'close').then(([code, signal]) => {
      this.running.delete(process_);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
    const process_: Running = { child, said: () => said, ended };
    this.running.add(process_);
    return process_;
  }

  /** Resolves once it listens. @throws Error with what it said, if it ends before */
  async serve(flags: readonly string[]): Promise<Running & { readonly url: string }> {
    const server = this.start(['serve', '--json', '--log-level', 'warn', ...flags], 'pipe');
    const lines = createInterface({ input: server.child.stdout! });
    const listening = once(lines, 'line').then(([line]) => JSON.parse(String(line)) as { url: string });
    const failed = server.ended.then(({ code }) => {
      throw new Error(`the server ended with ${code}: ${server.said()}`);
    });
    failed.catch(() => undefined); // it ends some time, and that is no failure
    const { url } = await Promise.race([listening, failed]);
    return { ...server, url };
  }

  /** A node for each of the setting's. */
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

  /** Tells all to end, and after a while makes them. */
  async stop(): Promise<void> {
    const all = [...this.running];
    for (const { child } of all) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const { child } of all) child.kill('SIGKILL');
    }, PATIENCE_MS);
    await Promise.all(all.map(({ ended }) => ended));
    clearTimeout(timer);
  }

  /** At once, for when this process itself must end. */
  kill(): void {
    for (const { child } of this.running) child.kill('SIGKILL');
  }
}
