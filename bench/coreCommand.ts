/** `bench core`: its options, its progress and output, and the files that it writes. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { SingleBar } from 'cli-progress';
import { planFor, ruleNames, type Case } from './cases.js';
import { speedChart } from './chart.js';
import { runCore, type Progress } from './core.js';
import { startQuorate } from './quorate.js';
import { writeReadme } from './readme.js';
import { coreMarkdown, coreNotes, coreTable } from './report.js';
import { isTiming, type Results } from './results.js';
import { entries } from './table.js';
import { judge, targetTable } from './targets.js';

interface CoreOptions {
  readonly quick?: true;
  readonly only?: string;
  readonly json?: true;
  readonly markdown?: true;
  readonly readme?: true;
  readonly out: string;
}

export function coreCommand(): Command {
  return new Command('core')
    .description('every rule: one thread, all threads, NumPy, plain JavaScript, read bandwidth')
    .option('--quick', 'a subset of the rules and the cases of the targets; takes less than a minute')
    .option('--only <rule>', `measure one rule: ${ruleNames.join(', ')}`)
    .option('--out <folder>', 'where to write results.json and speed.svg', 'bench-output')
    .option('--json', 'print the results as JSON instead of tables')
    .option('--markdown', 'only print the README’s table from <folder>/results.json')
    .option('--readme', 'only write the table and the chart from <folder> into the README')
    .action(run);
}

async function run(this: Command, options: CoreOptions): Promise<void> {
  const file = join(options.out, 'results.json');
  const chart = join(options.out, 'speed.svg');
  if (options.markdown) {
    console.log(coreMarkdown(await savedResults(this, file)));
    return;
  }
  if (options.readme) {
    const written = await writeReadme(await savedResults(this, file), chart);
    console.log(`Written: ${written.join(', ')}`);
    return;
  }
  const { quick = false, only } = options;
  if (only !== undefined && !ruleNames.includes(only)) {
    this.error(`unknown rule ${only}; known rules are ${ruleNames.join(', ')}`, { exitCode: 2 });
  }
  const plan = planFor(quick, only);

  const ours = startQuorate();
  const progress = startProgress(plan.length);
  const results = await runCore(plan, ours, quick, progress);
  progress.stop();
  await ours.dispose();

  await mkdir(options.out, { recursive: true });
  await writeFile(file, `${JSON.stringify(results, sixDigits, 1)}\n`);
  await writeFile(chart, speedChart(results));
  if (options.json) console.log(JSON.stringify(results));
  else {
    console.log(
      [
        coreTable(results),
        coreNotes(results).join('\n'),
        targetTable(judge(results)),
        `Written: ${file}, ${chart}`,
      ].join('\n\n'),
    );
  }
  if (failed(results)) process.exitCode = 1;
}

/** Keeps the digits that were measured; more would only make the file longer. */
const sixDigits = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

/** Whether a case failed for any reason but a search that is too large, or its results disagree. */
function failed({ cases }: Results): boolean {
  return cases.some(
    ({ oneThread, disagreements }) =>
      disagreements.length > 0 || (!isTiming(oneThread) && oneThread.absent !== 'SEARCH_TOO_LARGE'),
  );
}

async function savedResults(command: Command, file: string): Promise<Results> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return command.error(`cannot read ${file}; run without --markdown first`, { exitCode: 2 });
  }
  return JSON.parse(text) as Results;
}

/** A progress bar in a terminal, otherwise a line per case. On stderr, so that the output of --json can be piped. */
function startProgress(total: number): Progress & { stop(): void } {
  const describe = ({ rule, n, d }: Case): string => `${rule}, ${n} × ${entries(d)}`;
  if (!process.stderr.isTTY) {
    return {
      next: (of, done) => process.stderr.write(`${done + 1}/${total} ${describe(of)}\n`),
      stop: () => undefined,
    };
  }
  const bar = new SingleBar({
    format: '{bar} {value}/{total}  {what}',
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(total, 0, { what: '' });
  return {
    next: (of, done) => bar.update(done, { what: describe(of) }),
    stop: () => bar.stop(),
  };
}
