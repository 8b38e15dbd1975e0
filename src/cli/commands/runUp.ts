/** Runs a system until it ends, or is told to. */
import { loadPlan, type LoadedPlan, type SystemOutcome, type System, up } from '../../orchestrator/index.js';
import { Ended, EndedBy, exitCodes } from '../terminal/exit.js';
import { logLines } from '../terminal/logLines.js';
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
    throw new EndedBy(exitCodes.configuration, error);
  });
  if (check) {
    show(plan, json);
    return;
  }
  const log = logLines(
    process.stdout,
    plan.components.map(({ name }) => name),
    { json, terminal: process.stdout.isTTY, color: process.stdout.isTTY && !process.env.NO_COLOR },
  );
  let system: System | null = null;
  let toldMs: number | null = null;
  const end = (): void => {
    if (toldMs === null) system?.stop();
    else if (performance.now() - toldMs >= SECOND_SIGNAL_MS) system?.hasten();
    toldMs ??= performance.now();
  };
  // To the very end: one that comes late must not change how this process ends.
  for (const signal of signals) process.on(signal, end);
  // Nobody reads any more, as when a terminal is closed: the same, but each further line is no further signal.
  process.stdout.removeAllListeners('error').on('error', () => {
    if (toldMs === null) end();
  });
  process.stderr.on('error', () => undefined);
  system = await up({ plan, onLine: (line) => log.line(line), onEvent: (event) => log.event(event) });
  if (toldMs !== null) system.stop();
  log.facts({
    ...(plan.server !== null && { server: plan.server }),
    ...(plan.adminToken !== null && { adminToken: plan.adminToken }),
    status: `${system.url}/v1/components`,
  });
  const outcome = await system.ended;
  if (codes[outcome] !== exitCodes.ok) throw failed(outcome, system);
}

/** A terminal's interrupt comes twice where npx passes it on: one that comes sooner is the same. */
const SECOND_SIGNAL_MS = 500;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function failed(outcome: SystemOutcome, system: System): Ended {
  for (const { name, state, reason } of system.view().components) {
    if (state === 'failed') process.stderr.write(`quorate: ${name} failed: ${reason ?? ''}\n`);
  }
  return new Ended(codes[outcome]);
}

/** How this very program is started. */
const ours = process.argv.slice(0, 2).join(' ');

/** Without environments: there may be secrets in them. */
function show({ components }: LoadedPlan, json: boolean): void {
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
      command.join(' ').replace(ours, 'quorate'),
    ]),
  );
}
