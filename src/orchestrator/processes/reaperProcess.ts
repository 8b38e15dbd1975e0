/**
 * The process that ends what an orchestrator leaves behind. It is in a session of its own, so that no terminal's
 * interrupt reaches it, and reads from the orchestrator's pipe which process groups there are:
 *
 *   +123 mark;   the group 123 began, with this mark; answered by the same line once it is known
 *   -123 mark;   it ended
 *
 * The pipe's end means that the orchestrator is gone, however that came about: SIGTERM to every group that is left, and
 * SIGKILL to those that are there after the grace, process.argv[2] in milliseconds. A line without its semicolon was cut
 * off and means nothing. Then the last guard, whose pipe is descriptor 3, is told that nothing is left for it.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DONE } from './lastReaper.js';
import { ending, type Group, killOrphans, signalGroups } from './orphans.js';

const graceMs = Number(process.argv[2]);
const groups = new Map<number, Group>();

async function end(): Promise<void> {
  const deadlineMs = performance.now() + graceMs;
  const told = signalGroups([...groups.values()], 'SIGTERM');
  await killOrphans(await ending(told, () => performance.now() >= deadlineMs));
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
process.stdout.on('error', () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const [, sign, digits, mark] = /^([+-])([1-9]\d*) ([\w-]+);$/.exec(line) ?? [];
  const id = Number(digits);
  if (sign === '-') groups.delete(id);
  if (sign === '+' && mark !== undefined && id > 1) {
    groups.set(id, { id, mark });
    process.stdout.write(`${line}\n`);
  }
}
await end();
try {
  writeSync(3, DONE);
} catch {
  // it ended before
}
