/**
 * Progress on standard error, so that standard output holds results only. In a terminal: a bar for each part of the
 * work. Elsewhere (a file, a pipe, continuous integration): a plain line whenever a part has another tenth done.
 */
import { MultiBar, type SingleBar } from 'cli-progress';

export interface Part {
  readonly name: string;
  /** In steps. */
  readonly total: number;
}

export interface Progress {
  /** What is being worked on; shown beside the bar. */
  readonly begin: (part: string, what: string) => void;
  readonly step: (part: string) => void;
  /** Leaves the bars as they are and restores the cursor. */
  readonly stop: () => void;
}

/** A stream that may be a terminal: process.stderr, say. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const LONGEST_BAR = 28;
const SHORTEST_BAR = 10;
/** What is beside a name and its bar: the percentage, the time left, and room for what is being worked on. */
const BESIDE = 18 + 40;

interface Counter extends Part {
  done: number;
}

function countersOf(parts: readonly Part[]): (name: string) => Counter {
  const counters = new Map(parts.map((part) => [part.name, { ...part, done: 0 }]));
  return (name) => {
    const counter = counters.get(name);
    if (!counter) throw new RangeError(`no part ${name}`);
    return counter;
  };
}

export function createProgress(parts: readonly Part[], stream: Output): Progress {
  return stream.isTTY ? bars(parts, stream) : lines(parts, stream);
}

function bars(parts: readonly Part[], stream: Output): Progress {
  const counterOf = countersOf(parts);
  const total = parts.reduce((sum, part) => sum + part.total, 0);
  const started = performance.now();
  let done = 0;

  const width = Math.max(...parts.map(({ name }) => name.length));
  const container = new MultiBar({
    format: '{name} {bar} {percentage}%  {left}  {what}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, (stream.columns ?? 80) - width - BESIDE)),
    hideCursor: true,
    // The command that uses this decides what an interrupt does; a second handler would exit before it has.
    gracefulExit: false,
    stream,
  });
  const shown = new Map<string, SingleBar>(
    parts.map(({ name, total: steps }) => [
      name,
      container.create(steps, 0, { name: name.padEnd(width), what: '', left: '     ' }),
    ]),
  );
  const left = (): string => {
    const seconds = Math.round(((performance.now() - started) / 1000 / done) * (total - done));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`;
  };

  return {
    begin: (part, what) => shown.get(part)?.update({ what }),
    step: (part) => {
      done++;
      const counter = counterOf(part);
      counter.done++;
      const finished = counter.done === counter.total;
      shown.get(part)?.update(counter.done, finished ? { left: 'done', what: '' } : { left: left() });
    },
    stop: () => container.stop(),
  };
}

function lines(parts: readonly Part[], stream: Output): Progress {
  const counterOf = countersOf(parts);
  return {
    begin: () => undefined,
    step: (part) => {
      const counter = counterOf(part);
      const before = Math.floor((10 * counter.done) / counter.total);
      counter.done++;
      const tenths = Math.floor((10 * counter.done) / counter.total);
      if (tenths > before) stream.write(`${part}: ${10 * tenths}%\n`);
    },
    stop: () => undefined,
  };
}
