/**
 * The process that ends what an orchestrator leaves behind. It is in a session of its own, so that no terminal's
 * interrupt reaches it, and reads from the orchestrator's pipe which process groups there are:
 *
 *   +123;   the group 123 began; answered by the same line once it is known
 *   -123;   it ended
 *
 * The pipe's end means that the orchestrator is gone, however that came about: SIGTERM to every group that is left, and
 * SIGKILL to those that are there after the grace, process.argv[2] in milliseconds. A line without its semicolon was cut
 * off and means nothing.
 */
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 50;

const graceMs = Number(process.argv[2]);
const groups = new Set<number>();

function signal(signal: NodeJS.Signals | 0): void {
  for (const group of groups) {
    try {
      process.kill(-group, signal);
    } catch {
      groups.delete(group); // nobody is left in it
    }
  }
}

async function end(): Promise<void> {
  const deadlineMs = performance.now() + graceMs;
  signal('SIGTERM');
  for (signal(0); groups.size > 0 && performance.now() < deadlineMs; signal(0)) await pause(POLL_MS);
  signal('SIGKILL');
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
process.stdout.on('error', () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const [, sign, digits] = /^([+-])([1-9]\d*);$/.exec(line) ?? [];
  const group = Number(digits);
  if (sign === '-') groups.delete(group);
  if (sign === '+' && group > 1) {
    groups.add(group);
    process.stdout.write(`${line}\n`);
  }
}
await end();
