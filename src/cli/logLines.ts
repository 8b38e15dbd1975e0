/** What many components write, on one stream: each line with its component's name before it. */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Announcement, LogLine } from '../orchestrator/index.js';

export interface LogLines {
  /** Names and what they are: of the whole system. */
  facts(facts: Readonly<Record<string, string>>): void;
  /** Resolves, if it is not at once, when there is room for more. */
  line(line: LogLine): void | Promise<void>;
  event(event: Announcement & { readonly atMs: number }): void;
}

const colours = [
  'cyan',
  'magenta',
  'green',
  'yellow',
  'blue',
  'cyanBright',
  'magentaBright',
  'greenBright',
] as const;

/** Who speaks of the components. */
const OURSELVES = 'quorate';

/** What went wrong stands out. */
function styled(state: Announcement['state'], text: string): string {
  if (state !== 'failed' && state !== 'backing-off') return text;
  return styleText(state === 'failed' ? 'red' : 'yellow', text, { validateStream: false });
}

/** @param names of all components */
export function logLines(
  out: Writable,
  names: readonly string[],
  { json, colour }: { readonly json: boolean; readonly colour: boolean },
): LogLines {
  const width = Math.max(OURSELVES.length, ...names.map(({ length }) => length));
  const prefixes = new Map(
    [OURSELVES, ...names].map((name, index) => {
      const text = `${name.padEnd(width)} |`;
      if (!colour) return [name, text];
      const style = name === OURSELVES ? 'bold' : colours[(index - 1) % colours.length];
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
          : `${prefixes.get(component)!} ${line}`,
      ),
    event: ({ component, state, message, atMs }) => {
      void put(
        json
          ? JSON.stringify({ time: isoTime(atMs), component, state, message })
          : `${ours} ${colour ? styled(state, `${component} ${message}`) : `${component} ${message}`}`,
      );
    },
  };
}

/** Writes lines; a stream that is full makes its writers wait, all of them for the same moment. */
function room(out: Writable): (line: string) => void | Promise<void> {
  let drained: Promise<void> | undefined;
  return (line) => {
    if (out.write(`${line}\n`)) return undefined;
    drained ??= new Promise((resolve) => {
      out.once('drain', () => {
        drained = undefined;
        resolve();
      });
    });
    return drained;
  };
}
