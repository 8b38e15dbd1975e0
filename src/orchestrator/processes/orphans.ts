/**
 * Finds and signals every process of a component: those in its process group, and those that left the group (setsid,
 * a daemon's double fork) but still carry the component's mark in their environment, which children inherit. Both are
 * found in /proc, on Linux. On other systems only groups are known, and a process that leaves its group escapes.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** The environment variable that holds the mark. */
export const MARK = 'QUORATE_COMPONENT';

/** A component's processes. */
export interface Group {
  /** The process group's id, which is its leader's pid. */
  readonly id: number;
  /** Unique; letters, digits and dashes. */
  readonly mark: string;
}

/** 0 signals nothing and only checks which processes exist. */
export type Signal = 'SIGTERM' | 'SIGKILL' | 0;

/** @returns the groups that had at least one process */
export function signalGroups(groups: readonly Group[], signal: Signal): readonly Group[] {
  const all = pids();
  if (all === null) return groups.filter(({ id }) => send(-id, signal));
  const found = new Set<Group>();
  const strays: number[] = [];
  for (const pid of all) {
    const { isZombie, group } = statOf(pid);
    if (isZombie) continue;
    const member = groups.find(({ id }) => id === group);
    const marked = member ? undefined : groupMarking(pid, groups);
    if (marked) strays.push(pid);
    if (member ?? marked) found.add((member ?? marked)!);
  }
  for (const { id } of found) send(-id, signal);
  for (const pid of strays) send(pid, signal);
  return [...found];
}

/** Waits for the groups to end. @returns those that still have processes when `isTooLate` says to give up */
export async function waitForGroups(
  groups: readonly Group[],
  isTooLate: () => boolean,
): Promise<readonly Group[]> {
  let left = signalGroups(groups, 0);
  while (left.length > 0 && !isTooLate()) {
    await pause(POLL_MS);
    left = signalGroups(left, 0);
  }
  return left;
}

const POLL_MS = 50;

/** Kills what is left of groups whose leaders have ended, processes started in the meantime included. */
export async function killGroups(groups: readonly Group[]): Promise<void> {
  let left = signalGroups(groups, 'SIGKILL');
  for (let round = 0; round < MAX_ROUNDS && left.length > 0; round++) {
    await pause(ROUND_MS);
    left = signalGroups(left, 'SIGKILL');
  }
}

/** Enough for killed processes to be gone, unless they are stuck in the kernel. */
const MAX_ROUNDS = 100;
const ROUND_MS = 5;

/** @returns whether the process or group existed */
function send(pid: number, signal: Signal): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // it has ended
  }
}

/** Null if there is no /proc, or one of another namespace: a process in a pid namespace may see its parent's. */
function pids(): number[] | null {
  try {
    if (readlinkSync('/proc/self') !== String(process.pid)) return null;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return null;
  }
}

/** The group whose mark a process carries. The environment of another user's process can't be read. */
function groupMarking(pid: number, groups: readonly Group[]): Group | undefined {
  const environment = `\0${readProc(pid, 'environ')}`;
  return groups.find(({ mark }) => environment.includes(`\0${MARK}=${mark}\0`));
}

/** Parses 'pid (name) state ppid pgrp …'; the name may contain anything. */
function statOf(pid: number): { readonly isZombie: boolean; readonly group: number } {
  const [, state, , group] = readProc(pid, 'stat').replace(/^.*\)/s, '').split(' ');
  return { isZombie: state === undefined || state === 'Z', group: Number(group) };
}

/** Empty if the process has ended. */
function readProc(pid: number, file: 'environ' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
