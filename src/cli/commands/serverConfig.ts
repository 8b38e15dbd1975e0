/** The server's configuration, merged from its file, the environment and flags. */
import { QuorateError } from '../../errors.js';
import { redactConfig, type ServerConfig } from '../../server/config/config.js';
import { loadConfig, printConfig } from '../../server/config/loadConfig.js';

/** The flags that `serve` and `config` take. */
export interface ServerFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly data?: string;
  readonly logLevel?: string;
  readonly set?: Readonly<Record<string, unknown>>;
}

/** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER, MALFORMED, NOT_FOUND */
export async function serverConfig(flags: ServerFlags): Promise<ServerConfig> {
  const { config } = flags;
  return loadConfig({
    ...(config !== undefined && { file: config }),
    environment: process.env,
    flags: settingsOf(flags),
  });
}

/** Four settings have a flag besides `--set`. Giving both is an error, because neither should win silently. */
function settingsOf({ host, port, data, logLevel, set = {} }: ServerFlags): Record<string, unknown> {
  const settings = { ...set };
  const own = { 'listen.host': host, 'listen.port': port, dataFolder: data, logLevel };
  for (const [path, value] of Object.entries(own)) {
    if (value === undefined) continue;
    if (path in settings) {
      const message = `${path} is set twice: by its own flag and by --set`;
      throw new QuorateError('INVALID_PARAMETER', message, { parameter: path });
    }
    settings[path] = value;
  }
  return settings;
}

/** Leaves out secrets. @throws QuorateError as serverConfig does */
export async function printableConfig(flags: ServerFlags): Promise<{ config: ServerConfig; yaml: string }> {
  const config = await serverConfig(flags);
  return { config: redactConfig(config), yaml: printConfig(config) };
}
