/** quorate serve: the server, until it is told to end. */
import { Command } from 'commander';
import { jsonOption, type ServerFlags, serverFlags } from '../terminal/options.js';

export function serveCommand(): Command {
  return serverFlags(new Command('serve'))
    .summary('run the server')
    .description(
      'Runs the server. Settings come from a file, over it the environment ' +
        '(QUORATE_LISTEN_PORT), over it flags; `quorate config` prints all of them. SIGINT and ' +
        'SIGTERM end it gracefully. Logs go to standard error: text in a terminal, else JSON.',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ quorate serve --data ./rounds
  $ quorate serve --config server.yaml --host 0.0.0.0 --port 9000
  $ quorate serve --set limits.jsonBytes=1000000 --set liveness.heartbeatMs=1000`,
    )
    .action(async (flags: ServerFlags & { readonly json?: boolean }) => {
      // Loaded only where it is needed: the other commands start in half the time without it.
      const { runServer } = await import('./runServer.js');
      await runServer(flags);
    });
}
