/**
 * Processes that belong to a component: those of its group, and those that have left it (setsid, a daemon's double fork)
 * but still have the component's mark in their environment, which children inherit. Both are found in /proc, on Linux.
 * Elsewhere only groups are known, and a process that leaves its group is on its own.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** The variable that holds the mark. */
export const MARK = 'QUORATE_COMPONENT';

/** A component's process, as those that end it must know it. */
export interface Group {
  /** The leader's pid. */
  readonly id: number;
  /** Letters, digits and dashes, unique. */
  readonly mark: string;
}

/** 0: only looks. */
export type Signal = 'SIGTERM' | 'SIGKILL' | 0;

/** @returns those that somebody was there of */
export function signalGroups(groups: readonly Group[], signal: Signal): readonly Group[] {
  const everybody = pids();
  if (everybody === null) return groups.filter(({ id }) => send(-id, signal));
  const found = new Set<Group>();
  const strays: number[] = [];
  for (const pid of everybody) {
    const { isZombie, group } = statOf(pid);
    if (isZombie) continue;
    const own = groups.find(({ id }) => id === group);
    const left = own ? undefined : markedBy(pid, groups);
    if (left) strays.push(pid);
    if (own ?? left) found.add((own ?? left)!);
  }
  for (const { id } of found) send(-id, signal);
  for (const pid of strays) send(pid, signal);
  return [...found];
}

/** Waits for them to end. @returns those that are still there when it is too late */
export async function ending(groups: readonly Group[], isTooLate: () => boolean): Promise<readonly Group[]> {
  let left = signalGroups(groups, 0);
  while (left.length > 0 && !isTooLate()) {
    await pause(POLL_MS);
    left = signalGroups(left, 0);
  }
  return left;
}

const POLL_MS = 50;

/** SIGKILL to all that is left of it, once its leader has ended, also to what is begun meanwhile. */
export async function killOrphans(groups: readonly Group[]): Promise<void> {
  let left = signalGroups(groups, 'SIGKILL');
  for (let round = 0; round < MAX_ROUNDS && left.length > 0; round++) {
    await pause(ROUND_MS);
    left = signalGroups(left, 'SIGKILL');
  }
}

/** For what was killed to be gone, unless it is stuck in the kernel. */
const MAX_ROUNDS = 100;
const ROUND_MS = 5;

/** @returns whether there was anybody */
function send(pid: number, signal: Signal): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // it ended meanwhile
  }
}

/** Null where there is no /proc, or another one: in a namespace of its own a process may see its parent's. */
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

/** Its environment can't be read if it is somebody else's. */
function markedBy(pid: number, groups: readonly Group[]): Group | undefined {
  const environment = `\0${read(pid, 'environ')}`;
  return groups.find(({ mark }) => environment.includes(`\0${MARK}=${mark}\0`));
}

/** 'pid (name) state ppid pgrp …', and the name may be anything. */
function statOf(pid: number): { readonly isZombie: boolean; readonly group: number } {
  const [, state, , group] = read(pid, 'stat').replace(/^.*\)/s, '').split(' ');
  return { isZombie: state === undefined || state === 'Z', group: Number(group) };
}

/** Empty for who has ended. */
function read(pid: number, what: 'environ' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'latin1');
  } catch {
    return '';
  }
}
