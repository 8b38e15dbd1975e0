/**
 * Logs for people: the server's JSON lines as text, and the output of many components on one stream. Names, paths and
 * output come from others, so neither lets a control character through to a terminal.
 */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { pino } from 'pino';
import type { ComponentAnnouncement, LogLine } from '../../orchestrator/index.js';

interface ServerLogEntry {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly err?: { readonly stack?: string };
  readonly [name: string]: unknown;
}

/** Shown elsewhere in the line, or the same in every line. */
const hiddenFields = new Set(['level', 'time', 'msg', 'err', 'pid', 'hostname']);

const quoted = (value: unknown): string =>
  typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);

const withoutControls = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * A line of pino's JSON as text: '14:36:02.123 info  request  method=PUT status=202', in UTC, followed by the stack of
 * an error.
 */
export function logText(json: string): string {
  const entry = JSON.parse(json) as ServerLogEntry;
  const { level, time, msg = '', err } = entry;
  const clock = new Date(time).toISOString().slice(11, 23);
  const fields = Object.entries(entry)
    .filter(([name]) => !hiddenFields.has(name))
    .map(([name, value]) => `${name}=${quoted(value)}`);
  const line = [`${clock} ${(pino.levels.labels[level] ?? '').padEnd(5)} ${msg}`, fields.join(' ')];
  const text = line.filter((part) => part !== '').join('  ');
  return withoutControls(err === undefined ? `${text}\n` : `${text}\n${err.stack ?? quoted(err)}\n`);
}

/** Writes the output of components, each line prefixed with its component's name. */
export interface LogLines {
  /** Facts about the whole system. */
  facts(facts: Readonly<Record<string, string>>): void;
  /** Returns a promise if the stream is full; it resolves once there is room. */
  line(line: LogLine): void | Promise<void>;
  event(event: ComponentAnnouncement & { readonly atMs: number }): void;
}

const colors = [
  'cyan',
  'magenta',
  'green',
  'yellow',
  'blue',
  'cyanBright',
  'magentaBright',
  'greenBright',
] as const;

export interface LogFormat {
  readonly json: boolean;
  /** Whether control characters must be made visible instead of being passed on. */
  readonly terminal: boolean;
  readonly color: boolean;
}

/** The name before lines of our own. */
const OURSELVES = 'quorate';

/** Highlights failures. */
function styled(state: ComponentAnnouncement['state'], text: string): string {
  if (state !== 'failed' && state !== 'backing-off') return text;
  return styleText(state === 'failed' ? 'red' : 'yellow', text, { validateStream: false });
}

/**
 * Makes a line safe for a terminal: colors end with the line, and sequences that would move the cursor, clear the
 * screen or switch character sets are shown as text.
 */
function safeForTerminal(line: string): string {
  let isColored = false;
  const text = line.replace(/(?!\t)\p{Cc}(\[[\d;]*m)?/gu, (found, rest: string | undefined) => {
    const code = found.charCodeAt(0);
    if (code !== ESCAPE || rest === undefined) return `\\x${code.toString(16).padStart(2, '0')}${rest ?? ''}`;
    isColored = true;
    return found;
  });
  return isColored ? `${text}${String.fromCharCode(ESCAPE)}[0m` : text;
}

const ESCAPE = 0x1b;

/** @param names of all components */
export function logLines(
  out: Writable,
  names: readonly string[],
  { json, terminal, color }: LogFormat,
): LogLines {
  const width = Math.max(OURSELVES.length, ...names.map(({ length }) => length));
  const prefixes = new Map(
    [OURSELVES, ...names].map((name, index) => {
      const text = `${name.padEnd(width)} |`;
      if (!color) return [name, text];
      const style = name === OURSELVES ? 'bold' : colors[(index - 1) % colors.length]!;
      return [name, styleText(style, text, { validateStream: false })];
    }),
  );
  const put = writerTo(out);
  const isoTime = (atMs: number): string => new Date(atMs).toISOString();
  const ours = prefixes.get(OURSELVES)!;
  return {
    facts: (facts) => {
      if (json) void put(JSON.stringify({ time: isoTime(Date.now()), ...facts }));
      else for (const [name, fact] of Object.entries(facts)) void put(`${ours} ${name}: ${fact}`);
    },
    line: ({ component, stream, line, atMs }) =>
      put(
        json
          ? JSON.stringify({ time: isoTime(atMs), component, stream, line })
          : `${prefixes.get(component)!} ${terminal ? safeForTerminal(line) : line}`,
      ),
    event: ({ component, state, message, atMs }) => {
      void put(
        json
          ? JSON.stringify({ time: isoTime(atMs), component, state, message })
          : `${ours} ${color ? styled(state, `${component} ${message}`) : `${component} ${message}`}`,
      );
    },
  };
}

/** Writes lines. While the stream is full, all writers wait for the same drain; writes to a broken stream don't wait. */
function writerTo(out: Writable): (line: string) => void | Promise<void> {
  let drained: Promise<void> | undefined;
  return (line) => {
    if (out.write(`${line}\n`)) return undefined;
    drained ??= new Promise((resolve) => {
      const go = (): void => {
        out.off('drain', go).off('error', go);
        drained = undefined;
        resolve();
      };
      out.once('drain', go).once('error', go);
    });
    return drained;
  };
}
