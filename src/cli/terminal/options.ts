/** Options that several commands share, and the parsers of their values. */
import { InvalidArgumentError, Option } from 'commander';
import { type Client, createClient } from '../../client/index.js';

export const serverOption = (): Option =>
  new Option('--server <url>', "the server's URL").env('QUORATE_SERVER').default('http://127.0.0.1:8080');

export const tokenOption = (): Option =>
  new Option('--token <token>', 'sent with each request').env('QUORATE_TOKEN');

export const jsonOption = (): Option => new Option('--json', 'print JSON');

export interface ConnectionFlags {
  readonly server: string;
  readonly token?: string;
}

export const clientFor = ({ server, token }: ConnectionFlags): Client =>
  createClient({ server, token: tokenIn(token) ?? null });

/** A token of an option; an empty variable counts as absent. */
export const tokenIn = (text: string | undefined): string | undefined =>
  text?.trim() === '' ? undefined : text;

/** Collects repeated `--set key=value` options. A value that isn't JSON is taken as text. */
export function collectSettings(
  text: string,
  before: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Use key=value.');
  return { ...before, [text.slice(0, equals)]: valueOf(text.slice(equals + 1)) };
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function parsePositiveInteger(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Use a positive integer.');
}

export function oneOf(...names: readonly string[]) {
  return (text: string): string => {
    if (names.includes(text)) return text;
    throw new InvalidArgumentError(`Use one of ${names.join(', ')}.`);
  };
}
