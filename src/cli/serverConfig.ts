/** The configuration that flags make together with file and environment. */
import { redactConfig, type ServerConfig } from '../server/config.js';
import { loadConfig, printConfig } from '../server/loadConfig.js';
import type { ServerFlags } from './serverFlags.js';

/** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER, MALFORMED, NOT_FOUND */
export function serverConfig({
  config,
  host,
  port,
  data,
  logLevel,
  set,
}: ServerFlags): Promise<ServerConfig> {
  return loadConfig({
    ...(config !== undefined && { file: config }),
    environment: process.env,
    flags: { ...set, 'listen.host': host, 'listen.port': port, dataFolder: data, logLevel },
  });
}

/** Without secrets. @throws QuorateError as serverConfig does */
export async function printableConfig(flags: ServerFlags): Promise<{ config: ServerConfig; yaml: string }> {
  const config = await serverConfig(flags);
  return { config: redactConfig(config), yaml: printConfig(config) };
}
