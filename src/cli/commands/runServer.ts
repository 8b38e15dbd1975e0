/** Runs the server until the process is told to end. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { createCoordinator } from '../../coordinator/createCoordinator.js';
import { createEngine } from '../../core/engine.js';
import { isAuthOn, type ServerConfig } from '../../server/config/config.js';
import { createServer } from '../../server/server.js';
import { openDiskStore } from '../../store/disk/diskStore.js';
import { memoryStore } from '../../store/memory/memoryStore.js';
import type { Damage, Store } from '../../store/store.js';
import { logText } from '../terminal/logText.js';
import { printLine } from '../terminal/print.js';
import { serverConfig } from './serverConfig.js';
import type { ServerFlags } from '../terminal/options.js';

/** Standard error: JSON for programs, text in a terminal. */
const logDestination = (): DestinationStream =>
  process.stderr.isTTY ? { write: (line) => process.stderr.write(logText(line)) } : pino.destination(2);

async function openStore({ dataFolder, store }: ServerConfig, log: Logger): Promise<Store> {
  const { keepRounds, keepCheckpoints } = store;
  const retention = { keepRounds, keepCheckpoints };
  if (dataFolder === null) return memoryStore(retention);
  const onDamage = (damage: Damage): void => log.error(damage, 'a file is damaged and was not used');
  return openDiskStore({ folder: dataFolder, ...retention, onDamage });
}

export async function runServer(flags: ServerFlags & { readonly json?: boolean }): Promise<void> {
  // Before it listens: whoever is told of it may end it at once. A second signal ends the process.
  const told = new Promise<void>((resolve) => {
    const end = (): void => {
      process.off('SIGINT', end).off('SIGTERM', end);
      resolve();
    };
    process.on('SIGINT', end).on('SIGTERM', end);
  });
  const config = await serverConfig(flags);
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
    tokens: isAuthOn(config),
    onError: (error, context) => {
      log.error({ err: error, ...context }, 'something failed in the background');
    },
  });
  const server = createServer({ coordinator, config, log, engine });
  try {
    const { url } = await server.listen();
    announce(url, config, server.generatedAdminToken, flags.json === true);
    await told;
  } finally {
    await server.close();
    await coordinator.close();
    await engine.dispose();
  }
}

/** One line of JSON, so that a program that reads lines need not wait for the end. */
function announce(url: string, { dataFolder }: ServerConfig, adminToken: string | null, json: boolean): void {
  if (json) {
    printLine(JSON.stringify({ url, pid: process.pid, dataFolder, adminToken }));
    return;
  }
  printLine(`listening on ${url}`);
  printLine(dataFolder === null ? 'rounds are kept in memory only' : `rounds are kept in ${dataFolder}`);
  if (adminToken !== null) printLine(`admin token, told this once: ${adminToken}`);
}
