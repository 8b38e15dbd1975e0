/**
 * Starts a program in a process group of its own, behind a gate: a shell that waits for a byte and then becomes the
 * program. The byte is sent once the reaper knows the group. If this process ends before that, the gate's pipe closes
 * and the gate exits, so no program ever runs that the reaper doesn't know.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as pause } from 'node:timers/promises';
import type { Program } from '../plan/systemPlan.js';
import type { Exit } from '../supervise/state.js';
import { type Group, killGroups, MARK, signalGroups, waitForGroups } from './orphans.js';
import type { Reaper } from './reaper.js';

const GATE = 'read -r go <&3 || exit; exec "$@" 3<&-';

/** How long to wait, after a process has ended, for the output that it wrote before. */
const LAST_LINES_MS = 500;

/** Which of its output streams a program wrote to. */
export type OutputStream = 'stdout' | 'stderr';

type OnLine = (stream: OutputStream, line: string) => void | Promise<void>;

export interface Launched {
  /** Its pid, once the program may run; null if it ended before or could not be started. */
  readonly started: Promise<number | null>;
  /**
   * Resolves once the process and the rest of its group have ended. The rest is killed at once, unless the group was
   * sent SIGTERM: then it has until SIGKILL, because a shell around a program may end before the program does.
   */
  readonly exited: Promise<Exit>;
  /** Signals the whole group. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Stops reading its output. */
  closeOutput(): void;
}

/** @param onLine while its promise is pending, no more of that stream is read */
export function launch(program: Program, reaper: Pick<Reaper, 'add' | 'remove'>, onLine: OnLine): Launched {
  const mark = randomUUID();
  const child = spawnGated({ ...program, env: { ...program.env, [MARK]: mark } });
  if (child instanceof Error) return notStarted(child);
  const [, stdout, stderr, gate] = child.stdio as readonly unknown[] as [null, Readable, Readable, Writable];
  gate.on('error', () => undefined); // the gate has been killed
  const group = { id: child.pid!, mark };
  const sent = new Set<'SIGTERM' | 'SIGKILL'>();
  let hasEnded = false;
  const leaderExit = exitOf(child);
  const read = Promise.all([readLines('stdout', stdout, onLine), readLines('stderr', stderr, onLine)]);

  return {
    started: openGate(group, reaper, gate, leaderExit),
    exited: leaderExit.then(async (exit) => {
      if (sent.size > 0) await waitForGroups([group], () => sent.has('SIGKILL'));
      await killGroups([group]);
      hasEnded = true;
      reaper.remove(group);
      await Promise.race([read, pause(LAST_LINES_MS, undefined, { ref: false })]);
      return exit;
    }),
    signal: (signal) => {
      if (hasEnded) return;
      sent.add(signal);
      signalGroups([group], signal);
    },
    closeOutput: () => {
      stdout.destroy();
      stderr.destroy();
    },
  };
}

/** @returns the reason as an Error if it could not be started: too many processes, or no such working directory */
function spawnGated({ command, cwd, env }: Program): ChildProcess | Error {
  try {
    // Checked first: spawn reports a missing working directory as a missing shell.
    if (!statSync(cwd).isDirectory()) return new Error(`${cwd} is not a directory`);
    const child = spawn('/bin/sh', ['-c', GATE, 'sh', ...command], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    child.on('error', () => undefined); // seen by the missing pid
    return child.pid === undefined ? new Error('the system allows no more processes') : child;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const notStarted = ({ message }: Error): Launched => ({
  started: Promise.resolve(null),
  exited: Promise.resolve({ code: null, signal: null, message }),
  signal: () => undefined,
  closeOutput: () => undefined,
});

async function openGate(
  group: Group,
  reaper: Pick<Reaper, 'add' | 'remove'>,
  gate: Writable,
  leaderExit: Promise<Exit>,
): Promise<number | null> {
  const isKnown = await Promise.race([reaper.add(group).then(() => true), leaderExit.then(() => false)]);
  if (!isKnown) return null;
  gate.end('\n');
  return group.id;
}

/** Waits for the exit, not for the streams to close: orphaned children may keep them open. */
const exitOf = (child: ChildProcess): Promise<Exit> =>
  once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    message: null,
  }));

async function readLines(name: OutputStream, stream: Readable, onLine: OnLine): Promise<void> {
  for await (const line of linesOf(stream)) await onLine(name, line);
}

/** Longer lines are split into pieces of this length, to bound memory. */
export const MAX_CHARACTERS = 65_536;

/** The lines of a stream, read only as fast as they are consumed. A stream that breaks ends the sequence. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield* pieces(line.endsWith('\r') ? line.slice(0, -1) : line);
      while (rest.length > MAX_CHARACTERS) {
        yield rest.slice(0, MAX_CHARACTERS);
        rest = rest.slice(MAX_CHARACTERS);
      }
    }
  } catch {
    // destroyed or broken: what was read before counts
  }
  rest += decoder.end();
  if (rest !== '') yield* pieces(rest);
}

function* pieces(line: string): Generator<string> {
  for (let at = 0; at === 0 || at < line.length; at += MAX_CHARACTERS) {
    yield line.slice(at, at + MAX_CHARACTERS);
  }
}
