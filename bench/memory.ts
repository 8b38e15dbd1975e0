/**
 * `bench memory`: aggregates a file of float32 rows that is much larger than the memory limit. Each pipeline runs in its
 * own process, which has its own peak of resident memory. The file has just been written, so most of it comes from the
 * page cache: the throughput is that of the computation, not of the disk.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { SingleBar } from 'cli-progress';
import { atExit } from './cleanup.js';
import { busy, describeMachine, machine, type Machine } from './machine.js';
import { markdownTable, significant, textTable, type Column } from './table.js';
import { attackersAmong, fillWithNoise } from './updates.js';

/** What the child process is to do. */
export interface MemoryTask {
  readonly file: string;
  readonly n: number;
  readonly d: number;
  readonly pipeline: string;
  readonly memoryLimitBytes: number;
  readonly report: 'brief' | 'full';
}

/** What the child process measured. */
export interface MemoryFigure {
  readonly pipeline: string;
  readonly report: 'brief' | 'full';
  readonly seconds: number;
  readonly peakBytes: number;
  /** Resident memory before the file was opened: Node and the modules. */
  readonly idleBytes: number;
}

export interface MemoryResults {
  readonly suite: 'memory';
  readonly date: string;
  readonly machine: Machine;
  readonly n: number;
  readonly d: number;
  readonly memoryLimitBytes: number;
  readonly figures: readonly MemoryFigure[];
}

const pipelines = ['mean', 'median', 'trimmed-mean', 'krum', 'nnm > trimmed-mean'];
const mebibyte = 2 ** 20;
const targetBytes = 450e6;
const chunkEntries = 1_000_000;

interface MemoryOptions {
  readonly quick?: true;
  readonly json?: true;
  readonly markdown?: true;
  readonly out: string;
  readonly folder: string;
}

export function memoryCommand(): Command {
  return new Command('memory')
    .description('peak memory and throughput of aggregating a file larger than the memory limit')
    .option('--quick', '64 × 1,000,000 (256 MB) instead of 64 × 10,000,000 (2.56 GB)')
    .option('--out <folder>', 'where to write memory.json', 'bench-output')
    .option('--folder <folder>', 'where to put the large temporary file', tmpdir())
    .option('--json', 'print the results as JSON instead of a table')
    .option('--markdown', 'only print the README’s table from <out>/memory.json')
    .action(run);
}

async function run(this: Command, options: MemoryOptions): Promise<void> {
  const saved = join(options.out, 'memory.json');
  if (options.markdown) {
    const results = JSON.parse(await readFile(saved, 'utf8')) as MemoryResults;
    console.log(markdownTable(columns, rowsOf(results)));
    return;
  }
  const [n, d] = [64, options.quick ? 1_000_000 : 10_000_000];
  const bytes = n * d * 4;
  const { bavail, bsize } = await statfs(options.folder);
  if (bavail * bsize < bytes * 1.1) {
    this.error(
      `${options.folder} has ${significant((bavail * bsize) / 1e9)} GB free; ${bytes / 1e9} GB are needed`,
    );
  }

  const on = machine();
  const folder = await mkdtemp(join(options.folder, 'quorate-memory-'));
  const remove = atExit(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'updates.f32');
  await writeRows(file, n, d);

  const memoryLimitBytes = 256 * mebibyte;
  const figures: MemoryFigure[] = [];
  for (const pipeline of pipelines) {
    for (const report of ['brief', 'full'] as const) {
      process.stderr.write(`${pipeline}, ${report} report\n`);
      figures.push(await inOwnProcess({ file, n, d, pipeline, memoryLimitBytes, report }));
    }
  }
  remove();

  const date = new Date().toISOString();
  const results: MemoryResults = {
    suite: 'memory',
    date,
    machine: machine(),
    n,
    d,
    memoryLimitBytes,
    figures,
  };
  await mkdir(options.out, { recursive: true });
  await writeFile(saved, `${JSON.stringify(results, null, 1)}\n`);
  const highest = Math.max(...figures.map(({ peakBytes }) => peakBytes));
  const met = highest < targetBytes;
  if (options.json) console.log(JSON.stringify(results));
  else {
    console.log(
      [
        `${n} × ${d.toLocaleString('en')} float32, a file of ${bytes / 1e9} GB; memoryLimitBytes ${memoryLimitBytes / mebibyte} MiB`,
        textTable(columns, rowsOf(results)),
        `${describeMachine(results.machine)}. The file was in the page cache as far as it fit.`,
        ...busy(on),
        `Target: peak below ${targetBytes / 1e6} MB. Highest: ${megabytes(highest)} MB, ${met ? 'met' : 'missed'}.`,
        `Written: ${saved}`,
      ].join('\n\n'),
    );
  }
  if (!met) process.exitCode = 1;
}

const megabytes = (bytes: number): string => String(Math.round(bytes / 1e6));

const columns: readonly Column[] = [
  { heading: 'pipeline', align: 'left' },
  { heading: 'peak MB', align: 'right' },
  { heading: 'idle MB', align: 'right' },
  { heading: 'brief report, s', align: 'right' },
  { heading: 'GB/s', align: 'right' },
  { heading: 'full report, s', align: 'right' },
  { heading: 'GB/s', align: 'right' },
];

function rowsOf({ n, d, figures }: MemoryResults): string[][] {
  return pipelines.map((pipeline) => {
    const of = figures.filter((figure) => figure.pipeline === pipeline);
    const speeds = (['brief', 'full'] as const).flatMap((report) => {
      const figure = of.find((one) => one.report === report);
      if (figure === undefined) return ['', ''];
      return [significant(figure.seconds), significant((n * d * 4) / 1e9 / figure.seconds)];
    });
    return [
      pipeline,
      megabytes(Math.max(...of.map(({ peakBytes }) => peakBytes))),
      megabytes(Math.max(...of.map(({ idleBytes }) => idleBytes))),
      ...speeds,
    ];
  });
}

/** Writes by column range, so that the common vector is computed once and at most two chunks are in memory. */
async function writeRows(path: string, n: number, d: number): Promise<void> {
  const bar = new SingleBar({ format: 'writing the file {bar} {percentage} %', clearOnComplete: true });
  bar.start(n * d, 0);
  const file = await open(path, 'w');
  try {
    const center = new Float32Array(chunkEntries);
    const chunk = new Float32Array(chunkEntries);
    const bytes = new Uint8Array(chunk.buffer);
    for (let from = 0, seed = 1; from < d; from += chunkEntries, seed += n + 1) {
      fillWithNoise(center, seed, 1);
      const length = Math.min(chunkEntries, d - from) * 4;
      for (let i = 0; i < n; i++) {
        fillWithNoise(chunk, seed + 1 + i, 1, center, i < n - attackersAmong(n) ? 1 : -3);
        await writeWhole(file, bytes.subarray(0, length), (i * d + from) * 4);
        bar.increment(length / 4);
      }
    }
  } finally {
    await file.close();
    bar.stop();
  }
}

async function writeWhole(
  file: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function inOwnProcess(task: MemoryTask): Promise<MemoryFigure> {
  const script = fileURLToPath(new URL('./memoryChild.js', import.meta.url));
  const child: ChildProcess = fork(script, [JSON.stringify(task)]);
  const end = atExit(() => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    child.once('message', (figure: MemoryFigure) => {
      end();
      resolve(figure);
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${task.pipeline}: its process ended with ${code ?? 'a signal'}`)),
    );
  });
}
