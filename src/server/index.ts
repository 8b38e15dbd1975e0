/** The entry `quorate/server`, in Node. */
import { nodeHost } from '../../bindings/node.js';
import { installHost } from '../core/host.js';

installHost(nodeHost);

export { type ConfigSources, loadConfig, printConfig } from './config/loadConfig.js';
export {
  configSchema,
  isAuthOn,
  redactConfig,
  type ServerConfig,
  type ServerConfigInput,
} from './config/config.js';
export { type Setting, settings } from './config/loadConfig.js';
export { createServer, type Server, type ServerOptions } from './server.js';
