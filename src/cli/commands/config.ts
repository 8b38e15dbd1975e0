/** quorate config: the server's configuration as file, environment and flags make it. */
import { Command } from 'commander';
import { redactConfig } from '../../server/config.js';
import { printConfig } from '../../server/loadConfig.js';
import { jsonOption } from '../options.js';
import { printJson } from '../print.js';
import { type ServerFlags, serverFlags, serverConfig } from '../serverConfig.js';

export function configCommand(): Command {
  return serverFlags(new Command('config'))
    .summary("print the server's configuration")
    .description(
      "Prints the server's whole configuration as `quorate serve` would use it: a file, over\n" +
        'it the environment (QUORATE_LIMITS_JSON_BYTES), over it flags. Secrets are not shown.',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ quorate config > quorate.yaml\n  $ quorate config --config quorate.yaml --port 9000',
    )
    .action(async (flags: ServerFlags & { json?: boolean }) => {
      const config = await serverConfig(flags);
      if (flags.json) printJson(redactConfig(config));
      else process.stdout.write(printConfig(config));
    });
}
