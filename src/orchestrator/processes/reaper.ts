/** The orchestrator's side of its two reapers: reports process groups to both, and replaces a reaper that dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { startFallbackReaper } from './fallbackReaper.js';
import type { Group } from './orphans.js';

const program = fileURLToPath(new URL('./reaperProcess.js', import.meta.url));

/** A reaper that lived for less than this is replaced only after this long. */
const MIN_LIFE_MS = 1000;

export class Reaper {
  private readonly graceMs: number;
  /** By id, each with the callback that waits for the reaper to acknowledge it. */
  private readonly groups = new Map<number, { readonly line: string; readonly onKnown: () => void }>();
  private main: ChildProcess | null = null;
  private fallback: ChildProcess | null = null;
  private retry: NodeJS.Timeout | undefined;
  private isClosed = false;

  /** @param graceMs time between SIGTERM and SIGKILL once this process is gone */
  constructor(graceMs: number) {
    this.graceMs = graceMs;
  }

  /** Resolves once a reaper knows the group: from then on the group can't outlive this process. */
  add({ id, mark }: Group): Promise<void> {
    return new Promise((onKnown) => {
      const line = `+${id} ${mark};`;
      this.groups.set(id, { line, onKnown });
      this.write(line);
    });
  }

  /** To be called once the whole group has ended: the system may reuse its id. */
  remove({ id, mark }: Group): void {
    this.groups.delete(id);
    this.write(`-${id} ${mark};`);
  }

  /** To be called once every group has ended. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.retry);
    this.main?.stdin?.end();
    this.main?.unref();
    this.fallback?.stdin?.destroy(); // the main reaper still holds its end
    this.fallback?.unref();
  }

  /** Starts both reapers. Groups that were added before are reported now. */
  start(): void {
    const startedMs = performance.now();
    const replace = (): void => {
      const lifeMs = performance.now() - startedMs;
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.start(), lifeMs < MIN_LIFE_MS ? MIN_LIFE_MS : 0);
    };
    if (this.fallback === null) this.startFallback(replace);
    if (this.main === null && this.fallback?.stdin) this.startMain(this.fallback.stdin, replace);
  }

  private startFallback(replace: () => void): void {
    const fallback = startFallbackReaper();
    this.fallback = fallback;
    const onEnd = (): void => {
      if (this.fallback !== fallback || this.isClosed) return;
      this.fallback = null;
      this.main?.kill('SIGKILL'); // it holds the pipe of the fallback that ended
      replace();
    };
    fallback.once('error', onEnd).once('exit', onEnd);
    for (const { line } of this.groups.values()) writeLine(fallback, line);
  }

  private startMain(fallbackPipe: Writable, replace: () => void): void {
    const main = spawn(process.execPath, [program, String(this.graceMs)], {
      stdio: ['pipe', 'pipe', 'ignore', fallbackPipe],
      detached: true,
      env: {},
    });
    this.main = main;
    main.stdin?.on('error', () => undefined); // onEnd handles it
    if (main.stdout) {
      createInterface({ input: main.stdout }).on('line', (line) => {
        this.groups.get(parseInt(line.slice(1), 10))?.onKnown();
      });
    }
    const onEnd = (): void => {
      if (this.main !== main || this.isClosed) return;
      this.main = null;
      replace();
    };
    main.once('error', onEnd).once('exit', onEnd);
    for (const { line } of this.groups.values()) writeLine(main, line);
  }

  private write(line: string): void {
    if (this.fallback) writeLine(this.fallback, line);
    if (this.main) writeLine(this.main, line);
  }
}

const writeLine = ({ stdin }: ChildProcess, line: string): void => void stdin?.write(`${line}\n`);
