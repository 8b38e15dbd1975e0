/** The orchestrator's side of its guards: tells both the process groups, and replaces what dies of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { startLastReaper } from './lastReaper.js';
import type { Group } from './orphans.js';

const program = fileURLToPath(new URL('./reaperProcess.js', import.meta.url));

/** One that dies sooner is not replaced at once. */
const MIN_LIFE_MS = 1000;

export class Reaper {
  private readonly graceMs: number;
  /** By id, each with what waits until a guard knows it. */
  private readonly groups = new Map<number, { readonly line: string; readonly known: () => void }>();
  private process: ChildProcess | null = null;
  private last: ChildProcess | null = null;
  private retry: NodeJS.Timeout | undefined;
  private isClosed = false;

  /** @param graceMs what the groups get between SIGTERM and SIGKILL when this process is gone */
  constructor(graceMs: number) {
    this.graceMs = graceMs;
  }

  /** For tests, and for those who look. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** Resolves when a guard knows it: from then on the group does not outlive this process. */
  add({ id, mark }: Group): Promise<void> {
    return new Promise((known) => {
      const line = `+${id} ${mark};`;
      this.groups.set(id, { line, known });
      this.tell(line);
    });
  }

  /** Once nothing is left of it: its number may soon be another's. */
  remove({ id, mark }: Group): void {
    this.groups.delete(id);
    this.tell(`-${id} ${mark};`);
  }

  /** When nothing is left to be guarded. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.retry);
    this.process?.stdin?.end();
    this.process?.unref();
    this.last?.stdin?.destroy(); // its guard holds it still
    this.last?.unref();
  }

  /** Starts them. Until then they know nothing, and nothing is let go. */
  begin(): void {
    const startedMs = performance.now();
    const replace = (): void => {
      const lifeMs = performance.now() - startedMs;
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.begin(), lifeMs < MIN_LIFE_MS ? MIN_LIFE_MS : 0);
    };
    if (this.last === null) this.beginLast(replace);
    if (this.process === null && this.last?.stdin) this.beginFirst(this.last.stdin, replace);
  }

  private beginLast(replace: () => void): void {
    const last = startLastReaper();
    this.last = last;
    const over = (): void => {
      if (this.last !== last || this.isClosed) return;
      this.last = null;
      this.process?.kill('SIGKILL'); // it holds the pipe of the one that ended
      replace();
    };
    last.once('error', over).once('exit', over);
    for (const { line } of this.groups.values()) tell(last, line);
  }

  private beginFirst(lastPipe: Writable, replace: () => void): void {
    const guard = spawn(process.execPath, [program, String(this.graceMs)], {
      stdio: ['pipe', 'pipe', 'ignore', lastPipe],
      detached: true,
      env: {},
    });
    this.process = guard;
    guard.stdin?.on('error', () => undefined); // its end is told below
    if (guard.stdout) {
      createInterface({ input: guard.stdout }).on('line', (line) => {
        this.groups.get(parseInt(line.slice(1), 10))?.known();
      });
    }
    const over = (): void => {
      if (this.process !== guard || this.isClosed) return;
      this.process = null;
      replace();
    };
    guard.once('error', over).once('exit', over);
    for (const { line } of this.groups.values()) tell(guard, line);
  }

  private tell(line: string): void {
    if (this.last) tell(this.last, line);
    if (this.process) tell(this.process, line);
  }
}

const tell = ({ stdin }: ChildProcess, line: string): void => void stdin?.write(`${line}\n`);
