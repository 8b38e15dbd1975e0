#!/usr/bin/env node
/** The command line. Results go to standard output, everything else goes to standard error. */
import { Command, type CommanderError } from 'commander';
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';
import { version } from '../manifest.js';
import { aggregateCommand } from './commands/aggregate.js';
import { demoCommand } from './commands/demo.js';
import { nodeCommand } from './commands/node.js';
import { rulesCommand } from './commands/rules.js';
import { configCommand, serveCommand } from './commands/serve.js';
import { sessionCommand } from './commands/session.js';
import { storeCommand } from './commands/store.js';
import { statusCommand, upCommand } from './commands/up.js';
import { exitCodes, report } from './terminal/exit.js';

installHost(nodeHost);

const commands = [
  serveCommand(),
  nodeCommand(),
  sessionCommand(),
  upCommand(),
  statusCommand(),
  aggregateCommand(),
  rulesCommand(),
  demoCommand(),
  configCommand(),
  storeCommand(),
];

const program = new Command('quorate')
  .description('Byzantine-robust aggregation: runs a server and its nodes, or aggregates files.')
  .version(version)
  .option('--debug', 'print the stack traces of errors')
  .addHelpText(
    'after',
    `
Examples:
  $ quorate serve --data ./rounds
  $ quorate session create digits.yaml --model initial.npy --start
  $ quorate node --session digits --id node-1 --trainer ./trainer.mjs
  $ quorate aggregate updates.npy --rule 'nnm(f=2) > krum(f=2)'`,
  );
for (const command of commands) program.addCommand(command);

/** Makes a command throw instead of ending the process, print errors in one format, and wrap help at 80 columns. */
function prepare(command: Command): void {
  command
    .exitOverride((error: CommanderError) => {
      throw error;
    })
    .configureHelp({ helpWidth: 80 })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'quorate: INVALID_PARAMETER: ')),
    });
  command.commands.forEach(prepare);
}
prepare(program);

// A reader that stops reading, like head, is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failure);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error, program.opts<{ debug?: boolean }>().debug === true);
}
