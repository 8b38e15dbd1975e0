import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { readYamlFile } from '../../files/yaml.js';
import { parse } from '../../schema.js';
import { compose, type PlannedFile } from './components.js';
import { systemSchema } from './systemConfig.js';
import { inStartOrder, type SystemPlan } from './systemPlan.js';

/** A plan that was read from a system file. */
export interface LoadedPlan extends SystemPlan {
  /** Where the system keeps its own files: `.quorate/up`, next to `up.yaml`. */
  readonly stateFolder: string;
  /** Files that `up` writes before it starts any component. */
  readonly files: readonly PlannedFile[];
  /** The server's URL; null if the system has no server. */
  readonly server: string | null;
  /** The server's admin token; null if the server requires no tokens. */
  readonly adminToken: string | null;
  /** The port of the status page; 0 picks a free one. */
  readonly statusPort: number;
}

/** The folder where the system of this file keeps its own files: `.quorate/up`, next to `up.yaml`. */
export const stateFolderOf = (file: string): string =>
  join(dirname(resolve(file)), '.quorate', basename(file, extname(file)));

/**
 * Reads a system file and plans its components. Starts nothing and writes nothing.
 *
 * @param file path of a YAML file; docs/orchestrator.md describes the format
 * @param environment the base of every component's environment
 * @throws QuorateError NOT_FOUND if the file can't be read; MALFORMED if it isn't YAML; UNKNOWN_PARAMETER and
 *   INVALID_PARAMETER for its settings, for unknown or circular dependencies, and for a system without components
 * @example
 * const { components } = await loadPlan('quorate.yaml');
 * console.log(components.map(({ name }) => name)); // in start order
 */
export async function loadPlan(
  file: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<LoadedPlan> {
  const config = parse(file, systemSchema, await readYamlFile(file));
  const stateFolder = stateFolderOf(file);
  const { components, ...composition } = compose(config, {
    folder: dirname(resolve(file)),
    stateFolder,
    environment,
    freePort: await freePort(),
    secret: () => randomBytes(24).toString('base64url'),
  });
  return {
    ...composition,
    components: inStartOrder(components),
    stopsWhenDone: config.whenDone === 'stop',
    stateFolder,
    statusPort: config.status.port,
  };
}

/** A port that is free right now. Chosen here rather than by the server, so that it survives the server's restarts. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
