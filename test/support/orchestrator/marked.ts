/** The processes that come from a test, however they were started: all inherit its mark. Linux only. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export const hasProcesses = process.platform === 'linux';

const VARIABLE = 'TEST_MARK';
const POLL_MS = 20;

export interface Marked {
  /** For the environment of whatever is started first. */
  readonly env: Readonly<Record<string, string>>;
  /** Zombies left out. */
  pids(): number[];
  /** Those with such a command line. */
  running(command: RegExp): number[];
  /** Resolves when nobody is left; the test's time limit ends a wait that is in vain. */
  gone(): Promise<void>;
}

export function mark(): Marked {
  const value = randomUUID();
  const pids = (): number[] =>
    everybody().filter((pid) => read(pid, 'environ').split('\0').includes(`${VARIABLE}=${value}`));
  return {
    env: { [VARIABLE]: value },
    pids,
    running: (command) => pids().filter((pid) => command.test(commandOf(pid))),
    gone: () => until(() => pids().length === 0),
  };
}

/** The children of a process that have this in their command lines. */
export const childrenOf = (parent: number, text: string): number[] =>
  everybody().filter((pid) => statOf(pid).parent === parent && commandOf(pid).includes(text));

/** Whether it has ended, be it as a zombie. */
export function isGone(pid: number): boolean {
  const { state } = statOf(pid);
  return state === undefined || state === 'Z';
}

/** For what no event tells. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(POLL_MS);
}

const everybody = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const commandOf = (pid: number): string => read(pid, 'cmdline').replaceAll('\0', ' ');

function statOf(pid: number): { readonly state: string | undefined; readonly parent: number } {
  const [, state, parent] = read(pid, 'stat').replace(/^.*\)/s, '').split(' ');
  return { state, parent: Number(parent) };
}

/** Empty for who has ended. */
function read(pid: number, what: string): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8');
  } catch {
    return '';
  }
}
