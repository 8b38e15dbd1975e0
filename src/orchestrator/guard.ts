/** The orchestrator's side of its guard: tells it the process groups, and replaces it when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Group } from './leftovers.js';

const program = fileURLToPath(new URL('./guardProcess.js', import.meta.url));

/** One that dies sooner is not replaced at once. */
const LEAST_LIFE_MS = 1000;

export class Guard {
  private readonly graceMs: number;
  /** By id, each with what waits until a guard knows it. */
  private readonly groups = new Map<number, { readonly line: string; readonly known: () => void }>();
  private process: ChildProcess | null = null;
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
  }

  private tell(line: string): void {
    this.process?.stdin?.write(`${line}\n`);
  }

  /** Starts it. Until then it knows nothing, and nothing is let go. */
  begin(): void {
    const startedMs = performance.now();
    const guard = spawn(process.execPath, [program, String(this.graceMs)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
      env: {},
    });
    this.process = guard;
    guard.stdin.on('error', () => undefined); // its end is told below
    createInterface({ input: guard.stdout }).on('line', (line) => {
      this.groups.get(parseInt(line.slice(1), 10))?.known();
    });
    const over = (): void => {
      if (this.process !== guard || this.isClosed) return;
      this.process = null;
      const lifeMs = performance.now() - startedMs;
      this.retry = setTimeout(() => this.begin(), lifeMs < LEAST_LIFE_MS ? LEAST_LIFE_MS : 0);
    };
    guard.once('error', over).once('exit', over);
    for (const { line } of this.groups.values()) this.tell(line);
  }
}
