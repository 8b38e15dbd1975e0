/** How the command ends: its exit code, and the message about an error. docs/cli.md lists the codes. */
import { CommanderError } from 'commander';
import { QuorateError } from '../../errors.js';

export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  configuration: 3,
  notStarted: 4,
  degraded: 5,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

/** Thrown to end with a signal's exit code, once the interrupted work has cleaned up. */
export class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM';

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** Thrown to end with an exit code, without a message: everything has been reported already. */
export class ExitWith extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** Thrown to end with a particular exit code because of an error, which is reported like any other. */
export class FailedWith extends ExitWith {
  readonly error: unknown;

  constructor(code: number, error: unknown) {
    super(code);
    this.error = error;
  }
}

/** Prints an error as one line, and with `debug` its stack. @returns the exit code */
export function report(error: unknown, debug: boolean): number {
  if (error instanceof FailedWith) report(error.error, debug);
  if (error instanceof ExitWith) return error.code;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof Interrupted) return exitCodes[error.signal];
  const code = error instanceof QuorateError ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`quorate: ${code}: ${message.replace(/\s*\n\s*/g, '; ')}\n`);
  if (debug) process.stderr.write(`${stackOf(error)}\n`);
  return exitCodes.failure;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/**
 * Ends this process by a signal's own action. `process.exit` would wait for a file system call that doesn't return: the
 * opening of a FIFO, a server of files that is gone.
 */
export function dieOf(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** Ends this process by the signal after a while, unless it has ended by then, or the returned function is called. */
export function dieLater(signal: NodeJS.Signals, afterMs: number): () => void {
  const timer = setTimeout(() => dieOf(signal), afterMs).unref();
  return () => clearTimeout(timer);
}

/** How long interrupted work may take to clean up. */
const CLEANUP_MS = 10_000;

/**
 * Runs work whose AbortSignal is aborted on SIGINT or SIGTERM. A second signal ends the process at once,
 * and so does work that doesn't settle.
 *
 * @throws Interrupted once the interrupted work has settled
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let by: 'SIGINT' | 'SIGTERM' | undefined;
  let cancelDeath = (): void => undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (by !== undefined) dieOf(by);
    by = signal === 'SIGTERM' ? signal : 'SIGINT';
    cancelDeath = dieLater(by, CLEANUP_MS);
    controller.abort(new Interrupted(by));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const result = await work(controller.signal);
    if (by !== undefined) throw new Interrupted(by);
    return result;
  } catch (error) {
    throw by === undefined ? error : new Interrupted(by);
  } finally {
    cancelDeath();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}
