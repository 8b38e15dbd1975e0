#!/usr/bin/env node
/**
 * The network demo: one server process and ten node processes, the last three of them attacking, train on real MNIST
 * digits, once with a robust pipeline and once with the mean. The robust training is then repeated in this process.
 *
 *   node dist/examples/networkDemo.js [--seed 1] [--rounds 60] [--pipeline 'nnm(f=3) > trimmed-mean(f=3)'] [--json]
 *
 * Progress goes to standard error, the table to standard output. An interrupt ends it with exit code
 * 130 and leaves no process behind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { createProgress, type Progress } from './demo/progress.js';
import { createJudge, runInProcess } from './network/inProcess.js';
import { Processes } from './network/processes.js';
import { type Behavior, behaviors, type Setting } from './network/setting.js';
import { trainOverNetwork } from './network/training.js';
import { integerFrom, withUsageCode } from './usage.js';

interface Options {
  readonly seed: number;
  readonly rounds: number;
  readonly pipeline: string;
  readonly attack: Exclude<Behavior, 'honest'>;
  readonly json?: boolean;
}

interface Row {
  readonly pipeline: string;
  readonly where: 'network' | 'one process';
  readonly accuracy: number;
  readonly digest: string;
  readonly seconds: number;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
const NODES = 10;
const ATTACKERS = 3;

const settingOf = ({ seed, rounds, attack }: Options, pipeline: string): Setting => ({
  nodes: NODES,
  dishonest: Array.from({ length: ATTACKERS }, () => attack),
  pipeline,
  rounds,
  seed,
});

async function overNetwork(
  options: Options,
  pipelines: readonly string[],
  progress: Progress,
  signal: AbortSignal,
): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-demo-'));
  const processes = new Processes();
  const killAll = (): void => processes.kill();
  process.once('exit', killAll);
  try {
    const { url } = await processes.serve(['--port', '0', '--data', folder]);
    const rows: Row[] = [];
    for (const [index, pipeline] of pipelines.entries()) {
      signal.throwIfAborted();
      const setting = settingOf(options, pipeline);
      const judge = await createJudge(setting);
      const startedMs = performance.now();
      progress.begin(pipeline, 'starting nodes');
      const { model, digest } = await trainOverNetwork({
        processes,
        server: url,
        session: `digits-${index + 1}`,
        setting,
        signal,
        onRound: (round, values) => {
          progress.begin(pipeline, `round ${round}: ${percent(judge(values))}`);
          progress.step(pipeline);
        },
      });
      const seconds = (performance.now() - startedMs) / 1000;
      rows.push({ pipeline, where: 'network', accuracy: judge(model), digest, seconds });
    }
    return rows;
  } finally {
    await processes.stop();
    process.off('exit', killAll);
    await rm(folder, { recursive: true, force: true });
  }
}

async function inThisProcess(options: Options, pipeline: string): Promise<Row> {
  const setting = settingOf(options, pipeline);
  const judge = await createJudge(setting);
  const startedMs = performance.now();
  const { model, digest } = await runInProcess(setting);
  const seconds = (performance.now() - startedMs) / 1000;
  return { pipeline, where: 'one process', accuracy: judge(model), digest, seconds };
}

async function demo(options: Options, signal: AbortSignal): Promise<void> {
  const pipelines = [options.pipeline, 'mean'];
  const progress = createProgress(
    pipelines.map((name) => ({ name, total: options.rounds })),
    process.stderr,
  );
  const rows = await overNetwork(options, pipelines, progress, signal).finally(progress.stop);
  signal.throwIfAborted();
  rows.push(await inThisProcess(options, options.pipeline));

  if (options.json) process.stdout.write(`${JSON.stringify({ ...options, rows }, undefined, 2)}\n`);
  else process.stdout.write(`${table(rows)}\n\n${sentence(options, rows)}\n`);
}

const percent = (accuracy: number): string => `${(100 * accuracy).toFixed(1)}%`;

function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ pipeline }) => pipeline.length));
  const line = (cells: readonly string[]): string =>
    `${cells[0]!.padEnd(width)}  ${cells[1]!.padEnd(11)}  ${cells[2]!.padStart(8)}  ${cells[3]!.padStart(6)}  ${cells[4]}`;
  return [
    line(['pipeline', 'where', 'accuracy', 'time', 'model']),
    ...rows.map(({ pipeline, where, accuracy, digest, seconds }) =>
      line([pipeline, where, percent(accuracy), `${seconds.toFixed(1)} s`, digest.slice(0, 12)]),
    ),
  ].join('\n');
}

function sentence({ rounds, attack }: Options, [robust, mean, alone]: readonly Row[]): string {
  const same = robust!.digest === alone!.digest;
  return (
    `After ${rounds} rounds over the network with ${ATTACKERS} of ${NODES} nodes attacking\n` +
    `(${attack}), ${robust!.pipeline} classifies ${percent(robust!.accuracy)}\n` +
    `of the test digits correctly, and the mean ${percent(mean!.accuracy)};\n` +
    `the same training in one process gave ${same ? 'the same model, bit for bit' : 'A DIFFERENT model'}.`
  );
}

const interruption = new AbortController();
let by: keyof typeof exitCodes = 'SIGINT';
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    by = signal;
    interruption.abort();
  });
}

await withUsageCode(new Command('quorate demo --network'))
  .description('Federated training with a server and ten node processes, three of them attacking.')
  .option(
    '--seed <number>',
    'determines the split of the digits, the initial model and the batches',
    integerFrom(0),
    1,
  )
  .option('--rounds <number>', 'rounds per session', integerFrom(1), 60)
  .option('--pipeline <text>', 'the robust pipeline', 'nnm(f=3) > trimmed-mean(f=3)')
  .addOption(
    new Option('--attack <name>', 'what the attackers do')
      .choices(behaviors.filter((name) => name !== 'honest'))
      .default('inner-product-manipulation'),
  )
  .option('--json', 'print the results as JSON')
  .action(async (options: Options) => {
    try {
      await demo(options, interruption.signal);
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
      process.stderr.write('\nstopped\n');
      process.exitCode = exitCodes[by];
    }
  })
  .parseAsync();
