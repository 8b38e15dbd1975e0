/** quorate status: how the components of a running system are. */
import { Command } from 'commander';
import { QuorateError } from '../../errors.js';
import { jsonOption } from '../terminal/options.js';
import { printJson, printTable } from '../terminal/print.js';
import { SYSTEM_FILE } from './up.js';

interface Flags {
  readonly url?: string;
  readonly json?: boolean;
}

export function statusCommand(): Command {
  return new Command('status')
    .summary('show the components of a running system')
    .description('Shows the components of the system that `quorate up FILE` runs.')
    .argument('[file]', 'YAML', SYSTEM_FILE)
    .option('--url <address>', 'of its status, instead of what its folder tells')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ quorate status\n  $ quorate status examples/up.yaml --json\n' +
        '  $ quorate status --url http://127.0.0.1:9000',
    )
    .action(run);
}

async function run(file: string, { url, json }: Flags): Promise<void> {
  const { readStatus, stateFolderOf, statusAddress } = await import('../../orchestrator/index.js');
  const { formatExit, formatDuration } = await import('../../orchestrator/supervise/format.js');
  const folder = stateFolderOf(file);
  const view = await readStatus(url ?? (await statusAddress(folder))).catch((error: unknown) => {
    const isKilled = url === undefined && error instanceof QuorateError && error.code === 'CONNECTION_FAILED';
    if (!isKilled) throw error;
    throw new QuorateError('NOT_FOUND', `no system runs here any more: ${error.message}`, { folder }, error);
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
