/** quorate config: the server's configuration as file, environment and flags make it. */
import { Command } from 'commander';
import { jsonOption, type ServerFlags, serverFlags } from '../terminal/options.js';
import { printJson } from '../terminal/print.js';

export function configCommand(): Command {
  return serverFlags(new Command('config'))
    .summary("print the server's configuration")
    .description(
      "Prints the server's whole configuration as `quorate serve` would use it: a file, over " +
        'it the environment (QUORATE_LIMITS_JSON_BYTES), over it flags. Secrets are not shown, and have to be put in again.',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ quorate config > server.yaml\n  $ quorate config --config server.yaml --port 9000',
    )
    .action(async (flags: ServerFlags & { json?: boolean }) => {
      const { printableConfig } = await import('./serverConfig.js');
      const { config, yaml } = await printableConfig(flags);
      if (flags.json) printJson(config);
      else process.stdout.write(yaml);
    });
}
