/** Quorate's server in a child process, without logs and rate limits. */
import { rmSync } from 'node:fs';
import { pino } from 'pino';
import { createCoordinator } from '../../src/coordinator/index.js';
import { createEngine } from '../../src/index.js';
import { configSchema, createServer } from '../../src/server/index.js';
import { openDiskStore } from '../../src/store/disk/diskStore.js';
import { memoryStore } from '../../src/store/memory/memoryStore.js';
import { childOptions, listening } from './childSide.js';

export interface ServerOptions {
  /** The data folder; null keeps everything in memory. */
  readonly folder: string | null;
  /** Whether to compute the SHA-256 of each update while it arrives. */
  readonly digests: boolean;
  readonly memoryLimitBytes?: number;
  /** Only with a disk store. Defaults to the store's own default. */
  readonly keepEvents?: number;
}

/** So long that nodes that only upload never count as lost. */
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
