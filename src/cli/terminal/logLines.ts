/** What many components write, on one stream: each line with its component's name before it. */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { ComponentAnnouncement, LogLine } from '../../orchestrator/index.js';

export interface LogLines {
  /** Names and what they are: of the whole system. */
  facts(facts: Readonly<Record<string, string>>): void;
  /** Resolves, if it is not at once, when there is room for more. */
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

export interface LogLook {
  readonly json: boolean;
  /** What components write must not take it over. */
  readonly terminal: boolean;
  readonly color: boolean;
}

/** Who speaks of the components. */
const OURSELVES = 'quorate';

/** What went wrong stands out. */
function styled(state: ComponentAnnouncement['state'], text: string): string {
  if (state !== 'failed' && state !== 'backing-off') return text;
  return styleText(state === 'failed' ? 'red' : 'yellow', text, { validateStream: false });
}

/**
 * For a terminal: colors last until the end of the line, and what would move the cursor, clear the screen or change the
 * character set is shown instead of done.
 */
function tame(line: string): string {
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
  { json, terminal, color }: LogLook,
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
  const put = room(out);
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
          : `${prefixes.get(component)!} ${terminal ? tame(line) : line}`,
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

/** Writes lines; a stream that is full makes its writers wait, all of them for the same moment; a broken one does not. */
function room(out: Writable): (line: string) => void | Promise<void> {
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
