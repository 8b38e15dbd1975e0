/** The server's log for people: each line of JSON that pino writes as a line of text. */
import { pino } from 'pino';

interface Entry {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly err?: { readonly stack?: string };
  readonly [name: string]: unknown;
}

/** The same in every line, and known to whoever sits before the terminal. */
const leftOut = new Set(['level', 'time', 'msg', 'err', 'pid', 'hostname']);

const shown = (value: unknown): string =>
  typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);

/** Clients choose addresses and names, but say nothing to the terminal. */
const harmless = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** '14:36:02.123 info  request  method=PUT status=202', in UTC, and below it the stack of an error. */
export function logText(json: string): string {
  const entry = JSON.parse(json) as Entry;
  const { level, time, msg = '', err } = entry;
  const clock = new Date(time).toISOString().slice(11, 23);
  const facts = Object.entries(entry)
    .filter(([name]) => !leftOut.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  const line = [`${clock} ${(pino.levels.labels[level] ?? '').padEnd(5)} ${msg}`, facts.join(' ')];
  const text = line.filter((part) => part !== '').join('  ');
  return harmless(err === undefined ? `${text}\n` : `${text}\n${err.stack ?? shown(err)}\n`);
}
