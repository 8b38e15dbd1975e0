/** Options that several commands have, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Client, createClient } from '../../client/index.js';

export const serverOption = (): Option =>
  new Option('--server <url>', "the server's address").env('QUORATE_SERVER').default('http://127.0.0.1:8080');

export const tokenOption = (): Option =>
  new Option('--token <token>', 'sent with each request').env('QUORATE_TOKEN');

export const jsonOption = (): Option => new Option('--json', 'print JSON');

export interface ConnectionFlags {
  readonly server: string;
  readonly token?: string;
}

export const clientFor = ({ server, token }: ConnectionFlags): Client =>
  createClient({ server, token: token ?? null });

/** '--set key=value', again and again: the value is JSON, or else text as it is. */
export function collectSettings(
  text: string,
  before: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('It must be key=value.');
  return { ...before, [text.slice(0, equals)]: valueOf(text.slice(equals + 1)) };
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** From 1. */
export function parseWholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

export function oneOf(...names: readonly string[]) {
  return (text: string): string => {
    if (names.includes(text)) return text;
    throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
  };
}

/** The flags of `serve` and `config`. */
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
