/** quorate up: a whole system from one file. */
import { Command } from 'commander';
import { jsonOption } from '../terminal/options.js';
import type { UpFlags } from './runUp.js';

/** Where nobody names a file. */
export const SYSTEM_FILE = 'quorate.yaml';

export function upCommand(): Command {
  return new Command('up')
    .summary('start a whole system from one file')
    .description(
      'Starts the server, sessions, nodes and other components that FILE names, each once what it ' +
        'depends on is up; restarts what dies or stops answering; ends once all nodes have ended. ' +
        'SIGINT and SIGTERM stop all, a second one at once. docs/orchestrator.md has the file.',
    )
    .argument('[file]', 'YAML', SYSTEM_FILE)
    .option('--check', 'start nothing; print what would be started')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ quorate up\n  $ quorate up examples/up.yaml\n  $ quorate up --check',
    )
    .action(async (file: string, flags: UpFlags) => {
      const { runUp } = await import('./runUp.js');
      await runUp(file, flags);
    });
}
