/**
 * The NumPy side of the comparison: one Python process for the whole run, limited to one thread. It times itself, so the
 * figures don't include communication.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import { rmSync } from 'node:fs';
import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { atExit } from '../cleanup.js';
import { projectRoot } from '../projectRoot.js';

export interface NumpyVersions {
  readonly python: string;
  readonly numpy: string;
  readonly scipy: string | null;
}

export interface NumpyVariant {
  readonly name: string;
  /** False if the variant is fast but loses precision, so that it doesn't count as a comparison. */
  readonly exact: boolean;
}

export interface NumpyTimes {
  readonly samplesMs: number[];
  /** The result in the requested columns. */
  readonly probe: number[];
}

export type NumpyParameters = Readonly<Record<string, number>>;

const oneThread = {
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  NUMEXPR_NUM_THREADS: '1',
  VECLIB_MAXIMUM_THREADS: '1',
  BLIS_NUM_THREADS: '1',
};

type Reply = Readonly<Record<string, unknown>>;

export class Numpy {
  readonly versions: NumpyVersions;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ask: (command: object) => Promise<Reply>;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    ask: (command: object) => Promise<Reply>,
    versions: NumpyVersions,
  ) {
    this.#child = child;
    this.#ask = ask;
    this.versions = versions;
  }

  /** @returns the running process, or a sentence that says why there is none */
  static async start(): Promise<Numpy | string> {
    const script = join(projectRoot(), 'bench', 'baselines', 'inNumpy.py');
    const child = spawn('python3', [script], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, ...oneThread, PYTHONDONTWRITEBYTECODE: '1' },
    });
    atExit(() => child.kill('SIGKILL'));
    const ask = conversation(child);
    try {
      const { python, numpy, scipy } = await ask({ do: 'hello' });
      return new Numpy(child, ask, {
        python: String(python),
        numpy: String(numpy),
        scipy: typeof scipy === 'string' ? scipy : null,
      });
    } catch {
      child.kill('SIGKILL');
      return 'python3 with NumPy was not found; no comparison with NumPy';
    }
  }

  /** Passes the rows through a temporary file, which is deleted before this returns. */
  async load(rows: readonly Float32Array[]): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
    const remove = atExit(() => rmSync(folder, { recursive: true, force: true }));
    try {
      const path = join(folder, 'updates.f32');
      const file = await open(path, 'w');
      try {
        for (const row of rows)
          await file.writeFile(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
      } finally {
        await file.close();
      }
      await this.#ask({ do: 'load', file: path, n: rows.length, d: rows[0]?.length ?? 0 });
    } finally {
      remove();
    }
  }

  async variants(rule: string, parameters: NumpyParameters): Promise<NumpyVariant[]> {
    const { variants } = await this.#ask({ do: 'variants', rule, parameters });
    if (!Array.isArray(variants)) throw new Error('NumPy answered without variants');
    return variants.map((variant: NumpyVariant) => ({ name: variant.name, exact: variant.exact }));
  }

  async time(
    rule: string,
    variant: string,
    parameters: NumpyParameters,
    repeats: number,
    columns: readonly number[],
  ): Promise<NumpyTimes> {
    const reply = await this.#ask({ do: 'time', rule, variant, parameters, repeats, columns });
    return {
      samplesMs: numbers(reply.seconds).map((seconds) => seconds * 1000),
      probe: numbers(reply.probe),
    };
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

function numbers(value: unknown): number[] {
  if (!Array.isArray(value)) throw new Error('NumPy answered without numbers');
  return value.map(Number);
}

/** Requests and replies, in order. Once the process ends, pending and later requests fail. */
function conversation(
  child: ChildProcessByStdio<Writable, Readable, null>,
): (command: object) => Promise<Reply> {
  const waiting: { resolve: (reply: Reply) => void; reject: (reason: Error) => void }[] = [];
  let ended: Error | undefined;
  const end = (reason: Error): void => {
    ended ??= reason;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.on('error', end);
  child.on('exit', (code) => end(new Error(`the NumPy process ended with ${code ?? 'a signal'}`)));
  child.stdin.on('error', end);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const next = waiting.shift();
    const reply: unknown = JSON.parse(line);
    if (typeof reply !== 'object' || reply === null) return next?.reject(new Error(`NumPy answered ${line}`));
    if ('error' in reply) return next?.reject(new Error(`NumPy: ${String(reply.error)}`));
    next?.resolve({ ...reply });
  });
  return (command) =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) {
        reject(ended);
        return;
      }
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify(command)}\n`);
    });
}
