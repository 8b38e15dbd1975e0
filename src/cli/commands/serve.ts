/** quorate serve and quorate config: the server, and the configuration that it would use. */
import { Command } from 'commander';
import { collectSettings, jsonOption } from '../terminal/options.js';
import { printJson } from '../terminal/print.js';
import type { ServerFlags } from './serverConfig.js';

/** Adds the flags that both commands take. */
const withServerFlags = (command: Command): Command =>
  command
    .option('--config <file>', 'a YAML file with settings')
    .option('--host <address>', 'address or host name to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on; 0 picks a free port (default: 8080)')
    .option('--data <folder>', 'where to store rounds (default: in memory only)')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent')
    .option(
      '--set <key=value>',
      'a setting, such as limits.jsonBytes=1000; the value is parsed as JSON, otherwise taken as text (repeatable)',
      collectSettings,
    );

export function serveCommand(): Command {
  return withServerFlags(new Command('serve'))
    .summary('run the server')
    .description(
      'Runs the server. Flags override environment variables (QUORATE_LISTEN_PORT), which ' +
        'override the file; `quorate config` prints the result. SIGINT and SIGTERM shut the ' +
        'server down gracefully. Logs go to standard error: text in a terminal, otherwise JSON.',
    )
    .option('--json', 'print one line of JSON once the server is listening')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate serve --data ./rounds
  $ quorate serve --config server.yaml --host 0.0.0.0 --port 9000
  $ quorate serve --set limits.jsonBytes=1000000 --set liveness.heartbeatMs=1000`,
    )
    .action(async (flags: ServerFlags & { readonly json?: boolean }) => {
      // Loaded on demand: the other commands start in half the time without it.
      const { runServer } = await import('./runServer.js');
      await runServer(flags);
    });
}

export function configCommand(): Command {
  return withServerFlags(new Command('config'))
    .summary("print the server's configuration")
    .description(
      'Prints the configuration that `quorate serve` would use with the same flags: the file, ' +
        'overridden by the environment (QUORATE_LIMITS_JSON_BYTES), overridden by flags. Secrets ' +
        'are left out; add them again before you use the output as a file.',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ quorate config > server.yaml
  $ quorate config --config server.yaml --port 9000`,
    )
    .action(async (flags: ServerFlags & { readonly json?: boolean }) => {
      const { printableConfig } = await import('./serverConfig.js');
      const { config, yaml } = await printableConfig(flags);
      if (flags.json) printJson(config);
      else process.stdout.write(yaml);
    });
}
