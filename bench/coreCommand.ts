/** `bench core`: the options, what is printed while and after it runs, and the files that it leaves. */
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
    .option('--quick', 'a subset, and the cases of the targets: under a minute')
    .option('--only <rule>', `one rule: ${ruleNames.join(', ')}`)
    .option('--out <folder>', 'where results.json and speed.svg go', 'bench-output')
    .option('--json', 'print the results as JSON instead of tables')
    .option('--markdown', 'measure nothing: print the README’s table from <folder>/results.json')
    .option('--readme', 'measure nothing: write table and chart from <folder> into the README')
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
    this.error(`there is no ${only}; there are ${ruleNames.join(', ')}`, { exitCode: 2 });
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

/** More digits than were measured would only make the file longer. */
const sixDigits = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

/** A case that could not run for another reason than a search too large, or whose results differ. */
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
    return command.error(`${file} cannot be read: a run without --markdown writes it`, { exitCode: 2 });
  }
  return JSON.parse(text) as Results;
}

/** A bar on a terminal, else a line a case. On stderr, so that --json can be piped. */
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
