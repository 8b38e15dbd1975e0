#!/usr/bin/env node
/**
 * The demo: federated training on real MNIST digits while some nodes attack, with one pipeline after another.
 *
 *   node dist/examples/demo.js [--quick] [--seed 1] [--rounds 100] [--out demo-output] [--json]
 *
 * Progress goes to standard error, the table to standard output, and a picture and a page to a folder. An interrupt
 * ends it with exit code 130 and leaves nothing behind.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { sentence } from './demo/findings.js';
import { heatmap } from './demo/heatmap.js';
import { page } from './demo/page.js';
import { createProgress } from './demo/progress.js';
import { createScenario } from './demo/scenario.js';
import { runsPerData, runStudy } from './demo/study.js';
import { accuracyTable } from './demo/table.js';
import { loadDigits } from './mnist/digits.js';
import { integerFrom, withUsageCode } from './usage.js';

interface Options {
  readonly seed: number;
  readonly rounds?: number;
  readonly out: string;
  readonly quick?: boolean;
  readonly json?: boolean;
}

const INTERRUPTED = 130;

async function demo(options: Options, signal: AbortSignal): Promise<void> {
  const { seed, rounds, quick = false, out } = options;
  const scenario = createScenario({ seed, quick, ...(rounds !== undefined && { rounds }) });
  const digits = await loadDigits();
  process.stderr.write(`read ${digits.count} digits\n`);

  const progress = createProgress(
    scenario.data.map(({ name }) => ({ name, total: runsPerData(scenario) * scenario.rounds })),
    process.stderr,
  );
  const study = await runStudy(scenario, digits, {
    signal,
    onStart: (data, pipeline, attack) => progress.begin(data, `${pipeline}, ${attack}`),
    onRound: (data) => progress.step(data),
  }).finally(progress.stop);

  await mkdir(out, { recursive: true });
  const picture = join(out, 'demo.svg');
  const document = join(out, 'demo.html');
  await Promise.all([writeFile(picture, heatmap(study)), writeFile(document, page(study))]);

  if (options.json) {
    process.stdout.write(`${JSON.stringify(study, undefined, 2)}\n`);
  } else {
    const colors = process.stdout.isTTY && process.env.NO_COLOR === undefined;
    process.stdout.write(`${accuracyTable(study, colors)}\n\n${sentence(study)}\n\n`);
  }
  process.stderr.write(
    `${study.runs.length + study.honestAlone.length} training runs in ${study.seconds.toFixed(1)} s, ` +
      `of which ${study.aggregationSeconds.toFixed(1)} s in ${study.aggregations} aggregations\n` +
      `${picture}\n${document}\n`,
  );
}

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());

await withUsageCode(new Command('quorate demo'))
  .description('Federated training on real MNIST digits with three of ten nodes attacking.')
  .option(
    '--seed <number>',
    'determines the split of the digits, the initial model and the batches',
    integerFrom(0),
    1,
  )
  .option(
    '--rounds <number>',
    'rounds of each training run (default: 100, or 40 with --quick)',
    integerFrom(1),
  )
  .option('--out <folder>', 'where to write the picture and the page', 'demo-output')
  .option('--quick', 'fewer rounds, attacks and pipelines; takes seconds')
  .option('--json', 'print all measurements as JSON instead of the table')
  .addHelpText(
    'after',
    '\nSee also `quorate demo --network --help`: a server and ten node processes.\n\n' +
      'Examples:\n  $ quorate demo --quick\n  $ quorate demo --network --rounds 40',
  )
  .action(async (options: Options) => {
    try {
      await demo(options, interruption.signal);
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
      process.stderr.write('\nstopped\n');
      process.exitCode = INTERRUPTED;
    }
  })
  .parseAsync();
