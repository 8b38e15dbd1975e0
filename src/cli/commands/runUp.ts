/** Runs a system until it ends or is stopped. */
import { loadPlan, type LoadedPlan, type System, type SystemOutcome, up } from '../../orchestrator/index.js';
import { dieLater, exitCodes, ExitWith, FailedWith } from '../terminal/exit.js';
import { logLines } from '../terminal/logs.js';
import { printJson, printTable } from '../terminal/print.js';

export interface UpFlags {
  readonly check?: boolean;
  readonly json?: boolean;
}

const codes: Readonly<Record<SystemOutcome, number>> = {
  completed: exitCodes.ok,
  stopped: exitCodes.ok,
  'not-started': exitCodes.notStarted,
  degraded: exitCodes.degraded,
};

export async function runUp(file: string, { check, json = false }: UpFlags): Promise<void> {
  const plan = await loadPlan(file).catch((error: unknown) => {
    throw new FailedWith(exitCodes.configuration, error);
  });
  if (check) {
    showPlan(plan, json);
    return;
  }
  const log = logLines(
    process.stdout,
    plan.components.map(({ name }) => name),
    { json, terminal: process.stdout.isTTY, color: process.stdout.isTTY && !process.env.NO_COLOR },
  );
  let system: System | null = null;
  let stopRequestedMs: number | null = null;
  let cancelDeath = (): void => undefined;
  const onSignal = (signal?: NodeJS.Signals): void => {
    if (system === null) cancelDeath = dieLater(signal ?? 'SIGTERM', STARTING_MS);
    if (stopRequestedMs === null) system?.stop();
    else if (performance.now() - stopRequestedMs >= SECOND_SIGNAL_MS) system?.kill();
    stopRequestedMs ??= performance.now();
  };
  // Never removed: a late signal must not change how this process ends.
  for (const signal of signals) process.on(signal, onSignal);
  // If the reader goes away (a closed terminal, say), stop as well. Further failing writes are not further signals.
  process.stdout.removeAllListeners('error').on('error', () => {
    if (stopRequestedMs === null) onSignal();
  });
  process.stderr.on('error', () => undefined);
  system = await up({ plan, onLine: (line) => log.line(line), onEvent: (event) => log.event(event) });
  cancelDeath();
  if (stopRequestedMs !== null) system.stop();
  log.facts({
    ...(plan.server !== null && { server: plan.server }),
    ...(plan.adminToken !== null && { adminToken: plan.adminToken }),
    status: `${system.url}/v1/components`,
  });
  const outcome = await system.ended;
  if (codes[outcome] !== exitCodes.ok) throw failureOf(outcome, system);
}

/** npx delivers a terminal's interrupt twice; signals closer together than this count as one. */
const SECOND_SIGNAL_MS = 500;

/** How long the start may go on after a signal; it has hung if it isn't done by then. */
const STARTING_MS = 5000;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function failureOf(outcome: SystemOutcome, system: System): ExitWith {
  for (const { name, state, reason } of system.view().components) {
    if (state === 'failed') process.stderr.write(`quorate: ${name} failed: ${reason ?? ''}\n`);
  }
  return new ExitWith(codes[outcome]);
}

/** The command line that runs this program. */
const ownCommand = process.argv.slice(0, 2).join(' ');

/** Leaves out environments, which may hold secrets. */
function showPlan({ components }: LoadedPlan, json: boolean): void {
  const planned = components.map(({ name, dependsOn, restart, check, command, cwd }) => ({
    name,
    dependsOn,
    restart,
    check,
    command,
    cwd,
  }));
  if (json) {
    printJson({ components: planned });
    return;
  }
  printTable(
    ['component', 'depends on', 'restart', 'check', 'command'],
    planned.map(({ name, dependsOn, restart, check, command }) => [
      name,
      dependsOn.join(', ') || '—',
      restart,
      check.kind,
      command.join(' ').replace(ownCommand, 'quorate'),
    ]),
  );
}
