/** Quorate's server in a process of its own, without logs and limits on the rate of requests. */
import { rmSync } from 'node:fs';
import { pino } from 'pino';
import { createCoordinator } from '../../src/coordinator/index.js';
import { createEngine } from '../../src/index.js';
import { configSchema, createServer } from '../../src/server/index.js';
import { openDiskStore } from '../../src/store/disk/diskStore.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';
import { childOptions, listening } from './childSide.js';

export interface ServerOptions {
  /** Null: everything in memory. */
  readonly folder: string | null;
  /** Whether the SHA-256 of each update is taken while it arrives. */
  readonly digests: boolean;
  readonly memoryLimitBytes?: number;
  /** On disk. Default: the store's own. */
  readonly keepEvents?: number;
}

/** Nodes that only upload are never lost in a measurement. */
const liveness = { heartbeatMs: 3_600_000, suspectAfter: 2, lostAfter: 4 };

const { folder, digests, memoryLimitBytes, keepEvents } = childOptions() as ServerOptions;
const store =
  folder === null
    ? memoryStore()
    : await openDiskStore({ folder, ...(keepEvents === undefined ? {} : { keepEvents }) });
const engine = createEngine(memoryLimitBytes === undefined ? {} : { memoryLimitBytes });
const coordinator = await createCoordinator({ store, engine, digests, liveness });
const config = configSchema.parse({
  listen: { port: 0 },
  logLevel: 'silent',
  limits: { requestsPerMinute: { address: null, node: null } },
});
const server = createServer({ coordinator, config, log: pino({ level: 'silent' }) });
const { port } = await server.listen();

process.once('exit', () => {
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
});
process.once('SIGTERM', () => process.exit());
listening(port);
