/** quorate aggregate: aggregates updates from files, in this process. */
import { Command } from 'commander';
import { aggregate } from '../../aggregation/aggregate.js';
import { parsePipeline } from '../../aggregation/pipeline.js';
import type { Report } from '../../aggregation/report.js';
import { createEngine } from '../../core/engine.js';
import { formatDuration } from '../../orchestrator/supervise/state.js';
import { readUpdateFiles, requireWritable, writeVector } from '../terminal/vectorFiles.js';
import { jsonOption, oneOf } from '../terminal/options.js';
import { printFacts, printJson, printLine, printTable } from '../terminal/print.js';

interface Options {
  readonly rule: string;
  readonly out?: string;
  readonly onNonFinite: 'refuse' | 'exclude';
  readonly json?: boolean;
}

export function aggregateCommand(): Command {
  return new Command('aggregate')
    .summary('aggregate updates from files')
    .description(
      'Aggregates updates from files, in this process.\n\n' +
        'A .npy file holds one update [d] or several [n, d]. Several .safetensors files\n' +
        'hold one update each; in a single one, each tensor is an update.',
    )
    .argument('<files...>', '.npy or .safetensors files')
    .requiredOption('--rule <pipeline>', "such as 'nnm(f=2) > krum(f=2)'; `quorate rules` lists them")
    .option('--out <file>', 'write the aggregate to a .npy or .safetensors file')
    .option(
      '--on-non-finite <action>',
      'refuse or exclude updates with NaN or infinities',
      oneOf('refuse', 'exclude'),
      'refuse',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ quorate aggregate updates.npy --rule 'trimmed-mean(f=2)' --out mean.npy
  $ quorate aggregate node-*.safetensors --rule 'nnm(f=1) > median' --json`,
    )
    .action(run);
}

async function run(files: readonly string[], { rule, out, onNonFinite, json }: Options): Promise<void> {
  const pipeline = parsePipeline(rule);
  if (out !== undefined) requireWritable(out);
  const { updates, tensors } = await readUpdateFiles(files);
  const engine = createEngine();
  try {
    const rows = updates.map(({ values }) => values);
    const { value, report } = await aggregate(rows, pipeline, { engine, onNonFinite });
    if (out !== undefined) await writeVector(out, value, tensors);
    const names = updates.map(({ name }) => name);
    if (json)
      printJson({ ...report, rows: report.rows.map((row) => ({ name: names[row.index], ...row })), out });
    else print(report, names, out);
  } finally {
    await engine.dispose();
  }
}

function print(report: Report, names: readonly string[], out: string | undefined): void {
  const number = (value: number | undefined): string => (value === undefined ? '—' : value.toPrecision(4));
  printTable(
    ['update', 'used', 'weight', 'norm', 'distance', 'suspicion'],
    report.rows.map(({ index, used, weight, norm, distance, suspicion }) => [
      shortened(names[index]!),
      used ? 'yes' : 'no',
      ...[weight, norm, distance, suspicion].map(number),
    ]),
  );
  printLine();
  printFacts({
    pipeline: report.pipeline,
    updates: `${report.n} of ${report.d} values`,
    'SHA-256': report.resultDigest ?? null,
    time: formatDuration(report.timesMs.total),
    ...(out !== undefined && { written: out }),
  });
}

const MAX_NAME = 30;
const shortened = (name: string): string =>
  name.length <= MAX_NAME ? name : `…${name.slice(name.length - MAX_NAME + 1)}`;
