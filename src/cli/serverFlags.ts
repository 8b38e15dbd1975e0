/** The flags of `serve` and `config`. */
import type { Command } from 'commander';
import { collectSettings } from './options.js';

export interface ServerFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly data?: string;
  readonly logLevel?: string;
  readonly set?: Readonly<Record<string, unknown>>;
}

export const serverFlags = (command: Command): Command =>
  command
    .option('--config <file>', 'YAML')
    .option('--host <address>', 'address or name to listen on (default: 127.0.0.1)')
    .option('--port <number>', '0: any that is free (default: 8080)')
    .option('--data <folder>', 'where rounds are kept (default: in memory only)')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent')
    .option('--set <path=value>', 'any setting: limits.jsonBytes=1000; may be repeated', collectSettings);
