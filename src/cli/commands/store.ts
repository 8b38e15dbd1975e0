/** quorate store: looks at the server's data folder, and repairs it where the server refuses to start. */
import { Command } from 'commander';
import { ExitWith, exitCodes } from '../terminal/exit.js';
import { jsonOption } from '../terminal/options.js';
import { printJson, printLine } from '../terminal/print.js';

interface CheckFlags {
  readonly json?: boolean;
}

interface RepairFlags extends CheckFlags {
  readonly yes?: boolean;
}

export function storeCommand(): Command {
  return new Command('store')
    .summary("check or repair a server's data folder")
    .description("Checks or repairs a server's data folder, while no server has it open.")
    .addCommand(checkCommand())
    .addCommand(repairCommand());
}

function checkCommand(): Command {
  return new Command('check')
    .argument('<folder>', "the server's data folder")
    .summary('report what a data folder holds, and what is wrong with it')
    .description(
      'Reads every checkpoint and all of the journal and the events, and changes nothing. Ends with 0 if nothing ' +
        'is wrong, with 1 if something is.',
    )
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  $ quorate store check ./rounds')
    .action(async (folder: string, flags: CheckFlags) => {
      const { checkStore } = await import('../../store/disk/storeCheck.js');
      const { problems, sessions, journal, isJournalBroken } = await checkStore(folder);
      const nodes = journal?.state.nodes.size ?? 0;
      const shown = sessions.map(({ folder: { id, isFilled }, checkpoints }) => ({
        id,
        isKnown: journal?.state.sessions.has(id) ?? false,
        isEmpty: !isFilled,
        checkpoints: checkpoints.map(({ round }) => round),
      }));
      if (flags.json) printJson({ folder, starts: !isJournalBroken, nodes, sessions: shown, problems });
      else {
        printLine(`${nodes} nodes, ${shown.length} sessions`);
        for (const { id, checkpoints } of shown) {
          printLine(`session ${id}: checkpoints of rounds ${checkpoints.join(', ') || 'none'}`);
        }
        for (const { file, message } of problems) {
          printLine(message.startsWith(file) ? message : `${file}: ${message}`);
        }
        if (isJournalBroken) printLine(`the server will not start: see quorate store repair ${folder}`);
      }
      if (problems.length > 0) throw new ExitWith(exitCodes.failure);
    });
}

function repairCommand(): Command {
  return new Command('repair')
    .argument('<folder>', "the server's data folder")
    .summary('repair a data folder that the server refuses')
    .description(
      'Prints what a repair would keep, rebuild and drop, and with --yes does it. The journal as it was is kept ' +
        'beside the new one; no other file is changed or removed. Ends with 0 if nothing is left to do, with 1 if ' +
        'it needs --yes.',
    )
    .option('--yes', 'do it')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ quorate store repair ./rounds\n  $ quorate store repair ./rounds --yes',
    )
    .action(async (folder: string, flags: RepairFlags) => {
      const { checkStore } = await import('../../store/disk/storeCheck.js');
      const { planRepair, repairStore } = await import('../../store/disk/storeRepair.js');
      const repaired = flags.yes ? await repairStore(folder) : null;
      const plan = repaired?.plan ?? planRepair(await checkStore(folder));
      const { isNeeded, kept, rebuilt, dropped, unknown } = plan;
      const isDone = repaired?.isDone ?? false;
      const journalBefore = repaired?.journalBefore ?? null;
      if (flags.json) {
        printJson({ folder, isNeeded, isDone, kept, rebuilt, dropped, unknown, journalBefore });
      } else if (!isNeeded) printLine('nothing to repair');
      else {
        for (const [verb, lines] of Object.entries({
          keep: kept,
          rebuild: rebuilt,
          drop: dropped,
          unknown,
        })) {
          for (const line of lines) printLine(`${verb}: ${line}`);
        }
        printLine(isDone ? 'repaired' : 'nothing was changed; --yes does it');
        if (journalBefore !== null) printLine(`the journal as it was: ${journalBefore}`);
      }
      if (isNeeded && !isDone) throw new ExitWith(exitCodes.failure);
    });
}
