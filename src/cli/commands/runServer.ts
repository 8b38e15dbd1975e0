/** Runs the server until SIGINT or SIGTERM. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { createCoordinator } from '../../coordinator/createCoordinator.js';
import { createEngine } from '../../core/engine.js';
import { configSchema, isAuthOn, type ServerConfig } from '../../server/config/config.js';
import { createServer } from '../../server/server.js';
import { openDiskStore } from '../../store/disk/diskStore.js';
import { memoryStore } from '../../store/memory/memoryStore.js';
import type { Damage, Store } from '../../store/store.js';
import { dieLater } from '../terminal/exit.js';
import { logText } from '../terminal/logs.js';
import { printLine } from '../terminal/print.js';
import { serverConfig, type ServerFlags } from './serverConfig.js';

/** How long the coordinator and the store may take to close, once no request is in progress. */
const CLOSING_MS = 5000;

/** Logs go to standard error: text in a terminal, otherwise JSON. */
const logDestination = (): DestinationStream =>
  process.stderr.isTTY ? { write: (line) => process.stderr.write(logText(line)) } : pino.destination(2);

async function openStore({ dataFolder, store }: ServerConfig, log: Logger): Promise<Store> {
  const { keepRounds, keepCheckpoints } = store;
  const retention = { keepRounds, keepCheckpoints };
  if (dataFolder === null) return memoryStore(retention);
  const onDamage = (damage: Damage): void => log.error(damage, 'ignored a damaged file');
  const onWarning = (message: string): void => log.warn(message);
  return openDiskStore({ folder: dataFolder, ...retention, onDamage, onWarning });
}

export async function runServer(flags: ServerFlags & { readonly json?: boolean }): Promise<void> {
  // Set up before the server listens, since a signal may follow at once. A second signal ends the process, and so does a
  // start or an end that hangs: nothing acknowledged is lost by that.
  let deadlineMs = configSchema.parse({}).shutdownDeadlineMs;
  const signaled = new Promise<void>((resolve) => {
    const end = (signal: NodeJS.Signals): void => {
      process.off('SIGINT', end).off('SIGTERM', end);
      dieLater(signal, deadlineMs);
      resolve();
    };
    process.on('SIGINT', end).on('SIGTERM', end);
  });
  const config = await serverConfig(flags);
  deadlineMs = config.shutdownDeadlineMs;
  const log = pino({ level: config.logLevel }, logDestination());
  const { threads, memoryLimitBytes } = config.engine;
  const engine = createEngine({
    ...(threads !== null && { threads }),
    ...(memoryLimitBytes !== null && { memoryLimitBytes }),
  });
  const store = await openStore(config, log);
  const coordinator = await createCoordinator({
    store,
    engine,
    digests: config.store.digests,
    liveness: config.liveness,
    maxNodes: config.limits.nodes,
    tokens: isAuthOn(config),
    onError: (error, context) => {
      log.error({ err: error, ...context }, 'a background task failed');
    },
  });
  const server = createServer({ coordinator, config, log, engine });
  try {
    const { url } = await server.listen();
    announce(url, config, server.generatedAdminToken, flags.json === true);
    deadlineMs += CLOSING_MS; // after the requests in progress, the store
    await signaled;
  } finally {
    await server.close();
    await coordinator.close();
    await engine.dispose();
  }
}

/** As JSON on one line, so that a program reading lines can act on it at once. */
function announce(url: string, { dataFolder }: ServerConfig, adminToken: string | null, json: boolean): void {
  if (json) {
    printLine(JSON.stringify({ url, pid: process.pid, dataFolder, adminToken }));
    return;
  }
  printLine(`listening on ${url}`);
  printLine(dataFolder === null ? 'storing rounds in memory only' : `storing rounds in ${dataFolder}`);
  if (adminToken !== null) printLine(`admin token (shown only once): ${adminToken}`);
}
