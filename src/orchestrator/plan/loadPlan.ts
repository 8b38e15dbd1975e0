/** Reads a system's file, and plans what it asks for. Nothing is started, and nothing written. */
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { readYamlFile } from '../../files/yaml.js';
import { parse } from '../../schema.js';
import { compose, type PlannedFile } from './components.js';
import { inOrder } from './order.js';
import { systemSchema } from './systemConfig.js';
import type { SystemPlan } from './systemPlan.js';

export interface LoadedPlan extends SystemPlan {
  /** The system's own folder, beside the file: '.quorate/up' for 'up.yaml'. */
  readonly stateFolder: string;
  readonly files: readonly PlannedFile[];
  readonly server: string | null;
  readonly adminToken: string | null;
  /** Of its status, over HTTP. */
  readonly statusPort: number;
}

/** A system's own folder. */
export const stateFolderOf = (file: string): string =>
  join(dirname(resolve(file)), '.quorate', basename(file, extname(file)));

/**
 * @param file YAML
 * @param environment what the components' environments begin with
 * @throws QuorateError NOT_FOUND, MALFORMED, UNKNOWN_PARAMETER, INVALID_PARAMETER
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
    components: inOrder(components),
    stopsWhenDone: config.whenDone === 'stop',
    stateFolder,
    statusPort: config.status.port,
  };
}

/** Free a moment ago. It is chosen here, not by the server, so that a restarted server comes back where it was. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
