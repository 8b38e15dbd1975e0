/** A child of a test that prints JSON lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Line = Readonly<Record<string, unknown>>;

export interface Child {
  readonly process: ChildProcess;
  /** All that it has printed. */
  readonly lines: readonly Line[];
  /** Resolves when it has printed so many lines, or ended. */
  printed(count: number): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** @returns its exit code, when all it printed is in `lines` */
  ended(): Promise<number | null>;
}

/** @param prefix a command that runs the rest of its arguments */
export function startChild(script: URL, args: readonly string[], prefix: readonly string[] = []): Child {
  const command = [...prefix, process.execPath, '--enable-source-maps', fileURLToPath(script), ...args];
  const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  const reader = createInterface(child.stdout);
  let wake = (): void => undefined;
  reader.on('line', (line) => {
    lines.push(JSON.parse(line) as Line);
    wake();
  });
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code]]) => {
    wake();
    return code as number | null;
  });
  return {
    process: child,
    lines,
    printed: (count) =>
      Promise.race([
        ended.then(() => undefined),
        new Promise<void>((resolve) => {
          wake = () => lines.length >= count && resolve();
          wake();
        }),
      ]),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    ended: () => ended,
  };
}
