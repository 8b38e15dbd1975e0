/** How a program ends whose command line makes no sense: with 2, as docs/cli.md says of `quorate`. */
import type { Command, CommanderError } from 'commander';

const USAGE = 2;

export const withUsageCode = (command: Command): Command =>
  command
    .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? 0 : USAGE))
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'quorate: INVALID_PARAMETER: ')),
    });
