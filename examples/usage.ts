/** The command lines of the demos: exit code 2 for an invalid one, as docs/cli.md says of `quorate`. */
import { type Command, type CommanderError, InvalidArgumentError } from 'commander';

const USAGE = 2;

export const withUsageCode = (command: Command): Command =>
  command
    .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? 0 : USAGE))
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'quorate: INVALID_PARAMETER: ')),
    });

/** The parser of an option that takes an integer, `min` or greater. */
export const integerFrom =
  (min: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(`Use an integer, ${min} or greater.`);
  };
