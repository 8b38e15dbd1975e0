/** `bench server`: its options, its progress and output, and the file that it writes. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { busy, describeMachine, machine, type Machine } from './machine.js';
import { aggregation } from './server/aggregation.js';
import { batching } from './server/batching.js';
import { crowd } from './server/crowd.js';
import { ingest } from './server/ingest.js';
import { latency } from './server/latency.js';
import { figureTable, met, type ServerFigure, type ServerMeasure } from './server/measure.js';
import { peak } from './server/peak.js';
import { roundTimes } from './server/roundTimes.js';
import { soak } from './server/soak.js';
import { training } from './server/training.js';

/** To add a measurement, write its file and add a line here. */
const measures: readonly ServerMeasure[] = [
  ingest,
  latency,
  crowd,
  peak,
  aggregation,
  training,
  roundTimes,
  batching,
  soak,
];

interface ServerResults {
  readonly suite: 'server';
  readonly date: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly measures: readonly { readonly name: string; readonly figures: readonly ServerFigure[] }[];
}

interface ServerCommandOptions {
  readonly quick?: true;
  readonly only?: string;
  readonly json?: true;
  readonly out: string;
}

export function serverCommand(): Command {
  const names = measures.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n');
  return new Command('server')
    .description(
      'the server: ingest, latency, memory, round times and training, over real sockets and processes',
    )
    .option('--quick', 'smaller and shorter, to try the measurements; the numbers mean little')
    .option('--only <names>', 'comma-separated measurements')
    .option('--out <folder>', 'where to write server.json', 'bench-output')
    .option('--json', 'print the results as JSON instead of a table')
    .addHelpText('after', `\nMeasurements:\n${names}`)
    .action(run);
}

function chosen(command: Command, only: string | undefined): readonly ServerMeasure[] {
  if (only === undefined) return measures;
  const names = only.split(',');
  const unknown = names.filter((name) => !measures.some((measure) => measure.name === name));
  if (unknown.length > 0) {
    const known = measures.map(({ name }) => name).join(', ');
    command.error(`unknown measurements: ${unknown.join(', ')}; known ones are ${known}`, { exitCode: 2 });
  }
  return measures.filter(({ name }) => names.includes(name));
}

async function run(this: Command, options: ServerCommandOptions): Promise<void> {
  const on = machine();
  const quick = options.quick === true;
  const results: { name: string; figures: readonly ServerFigure[] }[] = [];
  for (const measure of chosen(this, options.only)) {
    process.stderr.write(`${measure.name}: ${measure.summary}\n`);
    results.push({ name: measure.name, figures: await measure.run({ quick }) });
  }
  const figures = results.flatMap((measure) => measure.figures);
  const file = join(options.out, 'server.json');
  const saved: ServerResults = {
    suite: 'server',
    date: new Date().toISOString(),
    quick,
    machine: on,
    measures: results,
  };
  await mkdir(options.out, { recursive: true });
  await writeFile(file, `${JSON.stringify(saved, null, 1)}\n`);
  if (options.json) console.log(JSON.stringify(saved));
  else {
    const notes = [`${describeMachine(on)}. Client and server share its cores.`, ...busy(on)];
    console.log([figureTable(figures), notes.join('\n'), `Written: ${file}`].join('\n\n'));
  }
  if (!quick && figures.some((figure) => met(figure) === false)) process.exitCode = 1;
}
