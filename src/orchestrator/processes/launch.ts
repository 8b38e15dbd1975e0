/**
 * Starts a program in a process group of its own, behind a gate: a shell that waits for a byte, and then becomes the
 * program. The byte is sent when the guard knows the group; if this process ends before, the gate's pipe ends, and the
 * gate with it. So at no moment is there a program that nobody would end.
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
import { ending, type Group, killOrphans, MARK, signalGroups } from './orphans.js';
import type { Reaper } from './reaper.js';

const GATE = 'read -r go <&3 || exit; exec "$@" 3<&-';

/** For what was written before a process ended to be read. */
const LAST_LINES_MS = 500;

export type Stream = 'stdout' | 'stderr';

export interface Launched {
  /** The pid, once the program may run; null: it ended before, or could not be started. */
  readonly started: Promise<number | null>;
  /**
   * When it has ended, and with it all that is left of its group: killed at once, unless they have been told to end.
   * Then they have until SIGKILL, as it had itself: a shell around a program ends before the program does.
   */
  readonly exited: Promise<Exit>;
  /** To the whole group. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Reads no more of what it writes. */
  silence(): void;
}

/** @param onLine is waited for: meanwhile nothing more of that stream is read */
export function launch(
  program: Program,
  guard: Pick<Reaper, 'add' | 'remove'>,
  onLine: (stream: Stream, line: string) => void | Promise<void>,
): Launched {
  const mark = randomUUID();
  const child = spawnGated({ ...program, env: { ...program.env, [MARK]: mark } });
  if (child instanceof Error) return notStarted(child);
  const [, stdout, stderr, gate] = child.stdio as readonly unknown[] as [null, Readable, Readable, Writable];
  gate.on('error', () => undefined); // the gate was ended
  const group = { id: child.pid!, mark };
  const sent = new Set<'SIGTERM' | 'SIGKILL'>();
  let isOver = false;
  const ended = endOf(child);
  const read = Promise.all([readLines('stdout', stdout, onLine), readLines('stderr', stderr, onLine)]);

  return {
    started: opened(group, guard, gate, ended),
    exited: ended.then(async (exit) => {
      if (sent.size > 0) await ending([group], () => sent.has('SIGKILL'));
      await killOrphans([group]);
      isOver = true;
      guard.remove(group);
      await Promise.race([read, pause(LAST_LINES_MS, undefined, { ref: false })]);
      return exit;
    }),
    signal: (signal) => {
      if (isOver) return;
      sent.add(signal);
      signalGroups([group], signal);
    },
    silence: () => {
      stdout.destroy();
      stderr.destroy();
    },
  };
}

/** @returns why it could not be started: too many processes, or a working directory that is not there */
function spawnGated({ command, cwd, env }: Program): ChildProcess | Error {
  try {
    // Before all: a missing folder is reported as if the shell were missing.
    if (!statSync(cwd).isDirectory()) return new Error(`${cwd} is no folder`);
    const child = spawn('/bin/sh', ['-c', GATE, 'sh', ...command], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    child.on('error', () => undefined); // told by its missing pid
    return child.pid === undefined ? new Error('the system takes no more processes') : child;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const notStarted = ({ message }: Error): Launched => ({
  started: Promise.resolve(null),
  exited: Promise.resolve({ code: null, signal: null, message }),
  signal: () => undefined,
  silence: () => undefined,
});

async function opened(
  group: Group,
  guard: Pick<Reaper, 'add' | 'remove'>,
  gate: Writable,
  ended: Promise<Exit>,
): Promise<number | null> {
  const known = await Promise.race([guard.add(group).then(() => true), ended.then(() => false)]);
  if (!known) return null;
  gate.end('\n');
  return group.id;
}

/** Not when its streams close: children that it left may hold them. */
const endOf = (child: ChildProcess): Promise<Exit> =>
  once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    message: null,
  }));

async function readLines(
  name: Stream,
  stream: Readable,
  onLine: (stream: Stream, line: string) => void | Promise<void>,
): Promise<void> {
  for await (const line of linesOf(stream)) await onLine(name, line);
}

/* A stream's lines, as they come. */

/** Longer lines are cut into pieces of this length, so that none is held without end. */
export const MAX_CHARACTERS = 65_536;

/** The stream is read only as fast as lines are taken. A stream that breaks ends. */
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
    // destroyed, or broken: what came before it counts
  }
  rest += decoder.end();
  if (rest !== '') yield* pieces(rest);
}

function* pieces(line: string): Generator<string> {
  for (let at = 0; at === 0 || at < line.length; at += MAX_CHARACTERS) {
    yield line.slice(at, at + MAX_CHARACTERS);
  }
}
