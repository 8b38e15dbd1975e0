/**
 * A server that is killed again and again, and comes back to the same port and folder: the real `quorate serve`, with
 * a probe loaded before it (crashProbe.ts). While one life is at work the next ones load, and wait before they touch the
 * folder, so that most of the time is spent where something can be lost.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ending, type Order, secondCommit } from './crashPlan.js';
import { type Phase, phaseAtEnd } from './crashTrace.js';

const program = fileURLToPath(new URL('../../src/cli/quorate.js', import.meta.url));
const probe = new URL('./crashProbe.js', import.meta.url).href;

/** Lives that load at a time. */
const WAITING = 2;
const MAX_SAID = 4000;

interface Life {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** Resolves when it waits. */
  readonly ready: Promise<unknown>;
  readonly ended: Promise<NodeJS.Signals | null>;
}

export class CrashingServer {
  readonly url: string;
  private readonly flags: readonly string[];
  private readonly traces: string;
  private readonly lives = new Set<Life>();
  private readonly waiting: Life[] = [];
  private begun = 0;

  /** @param traces a folder for what the probes write */
  constructor(port: number, data: string, traces: string, settings: readonly string[]) {
    this.url = `http://127.0.0.1:${port}`;
    this.flags = ['--port', String(port), '--data', data, '--log-level', 'error', ...settings];
    this.traces = traces;
  }

  /** A life up to its end. @returns what it was doing then @throws Error if it ended by itself */
  async live({ death, afterMs }: Ending): Promise<Phase> {
    while (this.waiting.length <= WAITING) this.waiting.push(this.spawn());
    const { life, trace } = await this.begin(death ? [death, secondCommit] : [secondCommit]);
    const timer = afterMs === null ? undefined : setTimeout(() => life.child.kill('SIGKILL'), afterMs);
    const signal = await life.ended;
    clearTimeout(timer);
    if (signal !== 'SIGKILL') throw new Error(`the server ended by itself: ${life.said()}`);
    return phaseAtEnd(trace);
  }

  /** A life that nothing ends but what this returns. */
  async liveOn(): Promise<() => Promise<void>> {
    const { life } = await this.begin([]);
    return async () => {
      life.child.kill('SIGKILL');
      await life.ended;
    };
  }

  async stop(): Promise<void> {
    for (const { child } of this.lives) child.kill('SIGKILL');
    await Promise.all(Array.from(this.lives, ({ ended }) => ended));
  }

  private async begin(deaths: Order['deaths']): Promise<{ life: Life; trace: string }> {
    const life = this.waiting.shift() ?? this.spawn();
    const trace = join(this.traces, String(this.begun++));
    writeFileSync(trace, '');
    await Promise.race([life.ready, life.ended]);
    life.child.stdin!.end(`${JSON.stringify({ trace, deaths } satisfies Order)}\n`);
    return { life, trace };
  }

  private spawn(): Life {
    const child = spawn(process.execPath, ['--import', probe, program, 'serve', ...this.flags]);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-MAX_SAID)));
    child.stdin.on('error', () => undefined); // it ended before it was told anything
    const ready = once(child.stdout, 'data');
    const ended = once(child, 'close').then(([, signal]) => {
      this.lives.delete(life);
      return signal as NodeJS.Signals | null;
    });
    const life: Life = { child, said: () => said, ready, ended };
    this.lives.add(life);
    return life;
  }
}
