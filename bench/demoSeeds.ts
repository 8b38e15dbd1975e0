/**
 * Whether the demo's result depends on its seed: runs it for several seeds, which differ in the split of the digits, their
 * distribution to the nodes, the initial model and every batch.
 *
 *   node dist/bench/demoSeeds.js [--seeds 1,2,3,4,5] [--rounds 100] [--quick] [--out bench-output]
 *
 * Prints the mean ± standard deviation of the final accuracies for each pipeline and attack, and the lowest one, and
 * writes every number to demo-seeds.json. Takes about a minute per seed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { finalAccuracy, runOf, worstOf } from '../examples/demo/findings.js';
import { createProgress } from '../examples/demo/progress.js';
import { createScenario } from '../examples/demo/scenario.js';
import { runsPerData, runStudy, type Study } from '../examples/demo/study.js';
import { loadDigits } from '../examples/mnist/digits.js';
import { textTable } from './table.js';

interface Options {
  readonly seeds: readonly number[];
  readonly rounds?: number;
  readonly quick?: boolean;
  readonly out: string;
}

function meanAndSpread(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const spread = values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
  return `${(100 * mean).toFixed(1)} ± ${(100 * spread).toFixed(1)}`;
}

function report(studies: readonly Study[]): string {
  const { data, attacks, pipelines } = studies[0]!;
  return data
    .map(({ name, title }) => {
      const rows = pipelines.map((pipeline) => {
        const cells = attacks.map((attack) =>
          meanAndSpread(studies.map((study) => finalAccuracy(runOf(study, name, attack.name, pipeline)))),
        );
        const worst = studies.map((study) => worstOf(study, name, pipeline).accuracy);
        return [pipeline, ...cells, meanAndSpread(worst), (100 * Math.min(...worst)).toFixed(1)];
      });
      const headings = [...attacks.map((attack) => attack.name), "seed's worst", 'lowest'];
      const columns = [
        { heading: 'accuracy, %', align: 'left' as const },
        ...headings.map((heading) => ({ heading, align: 'right' as const })),
      ];
      return `${title}\n\n${textTable(columns, rows)}\n`;
    })
    .join('\n');
}

async function demoSeeds({ seeds, rounds, quick = false, out }: Options, signal: AbortSignal): Promise<void> {
  const digits = await loadDigits();
  const scenarios = seeds.map((seed) =>
    createScenario({ seed, quick, ...(rounds !== undefined && { rounds }) }),
  );
  const progress = createProgress(
    scenarios.map((scenario) => ({
      name: `seed ${scenario.seed}`,
      total: scenario.data.length * runsPerData(scenario) * scenario.rounds,
    })),
    process.stderr,
  );
  const studies: Study[] = [];
  try {
    for (const scenario of scenarios) {
      const part = `seed ${scenario.seed}`;
      const study = await runStudy(scenario, digits, {
        signal,
        onStart: (data, pipeline, attack) => progress.begin(part, `${data}, ${pipeline}, ${attack}`),
        onRound: () => progress.step(part),
      });
      studies.push(study);
    }
  } finally {
    progress.stop();
  }
  await mkdir(out, { recursive: true });
  const file = join(out, 'demo-seeds.json');
  await writeFile(file, `${JSON.stringify(studies)}\n`);
  process.stdout.write(`\n${report(studies)}\n`);
  process.stderr.write(`${file}\n`);
}

const integer = (text: string): number => {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError('Use a non-negative integer.');
};

const distinct = (text: string): number[] => {
  const seeds = text.split(',').map(integer);
  if (new Set(seeds).size < seeds.length) throw new InvalidArgumentError('Each seed may appear only once.');
  return seeds;
};

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());

await new Command('demoSeeds')
  .description('Runs the demo for several seeds, and prints the mean and spread of its accuracies.')
  .option('--seeds <numbers>', 'comma-separated seeds', distinct, [1, 2, 3, 4, 5])
  .option('--rounds <number>', 'rounds of each training run', integer)
  .option('--quick', 'fewer rounds, attacks and pipelines')
  .option('--out <folder>', 'where to write demo-seeds.json', 'bench-output')
  .action(async (options: Options) => {
    try {
      await demoSeeds(options, interruption.signal);
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
      process.stderr.write('\nstopped\n');
      process.exitCode = 130;
    }
  })
  .parseAsync();
