/** quorate up and quorate status: a whole system from one file. */
import { Command } from 'commander';
import { QuorateError } from '../../errors.js';
import { jsonOption } from '../terminal/options.js';
import { printJson, printTable } from '../terminal/print.js';
import type { UpFlags } from './runUp.js';

const DEFAULT_FILE = 'quorate.yaml';

export function upCommand(): Command {
  return new Command('up')
    .summary('run a whole system from one file')
    .description(
      'Starts the server, sessions, nodes and other components of a YAML file, each once its ' +
        'dependencies are up. Restarts those that die or stop responding. Ends once all nodes ' +
        'have ended; SIGINT and SIGTERM stop everything, and a second signal kills it. The ' +
        'file has the keys server, sessions, nodes and components; --check shows what it defines.',
    )
    .argument('[file]', 'the system file', DEFAULT_FILE)
    .option('--check', 'print what would start, and start nothing')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ quorate up
  $ quorate up system.yaml
  $ quorate up --check`,
    )
    .action(async (file: string, flags: UpFlags) => {
      const { runUp } = await import('./runUp.js');
      await runUp(file, flags);
    });
}

interface StatusFlags {
  readonly url?: string;
  readonly json?: boolean;
}

export function statusCommand(): Command {
  return new Command('status')
    .summary('show the components of a running system')
    .description('Shows the components of the system that `quorate up FILE` is running.')
    .argument('[file]', 'the system file', DEFAULT_FILE)
    .option('--url <url>', 'ask this status page instead of the one of FILE')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ quorate status
  $ quorate status system.yaml --json
  $ quorate status --url http://127.0.0.1:9000`,
    )
    .action(showStatus);
}

async function showStatus(file: string, { url, json }: StatusFlags): Promise<void> {
  const { readStatus, stateFolderOf, statusAddress } = await import('../../orchestrator/index.js');
  const { formatDuration, formatExit } = await import('../../orchestrator/supervise/state.js');
  const folder = stateFolderOf(file);
  const view = await readStatus(url ?? (await statusAddress(folder))).catch((error: unknown) => {
    // A system that was killed leaves its status file behind.
    const wasKilled =
      url === undefined && error instanceof QuorateError && error.code === 'CONNECTION_FAILED';
    if (!wasKilled) throw error;
    throw new QuorateError(
      'NOT_FOUND',
      `the system is no longer running: ${error.message}`,
      { folder },
      error,
    );
  });
  if (json) {
    printJson(view);
    return;
  }
  printTable(
    ['component', 'state', 'pid', 'up', 'restarts', 'health', 'last exit'],
    view.components.map(({ name, state, pid, uptimeMs, restarts, health, reason, lastExit }) => [
      name,
      state,
      pid === null ? '—' : String(pid),
      uptimeMs === null ? '—' : formatDuration(uptimeMs),
      restarts,
      health ?? '—',
      reason ?? (lastExit === null ? '—' : formatExit(lastExit)),
    ]),
  );
}
