/** Quorate's server in a process of its own, without logs and limits on the rate of requests. */
import { rmSync } from 'node:fs';
import { createCoordinator } from '../../src/coordinator/index.js';
import { createEngine } from '../../src/index.js';
import { createServer, loadConfig } from '../../src/server/index.js';
import { memoryStore, openDiskStore } from '../../src/store/index.js';
import { childOptions, listening } from './childSide.js';

export interface ServerOptions {
  /** Null: everything in memory. */
  readonly folder: string | null;
  /** Whether the SHA-256 of each update is taken while it arrives. */
  readonly digests: boolean;
  readonly memoryLimitBytes?: number;
}

const { folder, digests, memoryLimitBytes } = childOptions() as ServerOptions;
const store = folder === null ? memoryStore() : await openDiskStore({ folder });
const engine = createEngine(memoryLimitBytes === undefined ? {} : { memoryLimitBytes });
const coordinator = await createCoordinator({ store, engine, digests });
const config = await loadConfig({
  environment: {},
  flags: { port: 0, log: { level: 'silent' }, limits: { requestsPerMinute: null } },
});
const server = createServer({ coordinator, config });
const { port } = await server.listen();

process.once('SIGTERM', () => {
  void server.close().finally(() => {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    process.exit();
  });
});
listening(port);
