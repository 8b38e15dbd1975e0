/**
 * The process that ends whatever a killed orchestrator leaves behind. It runs in a session of its own, out of reach of
 * the terminal's interrupts, and reads from the orchestrator's pipe which process groups exist:
 *
 *   +123 mark;   group 123 started, with this mark; acknowledged by echoing the line
 *   -123 mark;   group 123 ended
 *
 * The end of the pipe means that the orchestrator is gone, for whatever reason. Every remaining group gets SIGTERM, and
 * SIGKILL after the grace period, process.argv[2] in milliseconds. A line without its semicolon was cut off and is
 * ignored. Finally the fallback reaper, whose pipe is descriptor 3, learns that nothing is left to kill.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DONE } from './fallbackReaper.js';
import { type Group, killGroups, signalGroups, waitForGroups } from './orphans.js';

const graceMs = Number(process.argv[2]);
const groups = new Map<number, Group>();

async function endGroups(): Promise<void> {
  const deadlineMs = performance.now() + graceMs;
  const signaled = signalGroups([...groups.values()], 'SIGTERM');
  await killGroups(await waitForGroups(signaled, () => performance.now() >= deadlineMs));
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
await endGroups();
try {
  writeSync(3, DONE);
} catch {
  // the fallback reaper has already ended
}
