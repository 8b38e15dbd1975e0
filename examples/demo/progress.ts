/**
 * Progress on standard error, so that standard output holds only results. In a terminal: a bar for each part of the
 * work. Elsewhere (a file, a pipe, CI): a plain line for each tenth of a part.
 */
import { MultiBar, type SingleBar } from 'cli-progress';

export interface Part {
  readonly name: string;
  /** Number of steps. */
  readonly total: number;
}

export interface Progress {
  /** Shows the current activity beside the bar. */
  readonly begin: (part: string, activity: string) => void;
  readonly step: (part: string) => void;
  /** Stops updating the bars and restores the cursor. */
  readonly stop: () => void;
}

/** A stream that may be a terminal, such as process.stderr. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const MAX_BAR = 28;
const MIN_BAR = 10;
/** Columns besides the name and the bar: the percentage, the time left, and the current activity. */
const OTHER_COLUMNS = 18 + 40;

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
    format: '{name} {bar} {percentage}%  {left}  {activity}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: Math.max(MIN_BAR, Math.min(MAX_BAR, (stream.columns ?? 80) - width - OTHER_COLUMNS)),
    hideCursor: true,
    // The command handles interrupts itself; another handler would exit first.
    gracefulExit: false,
    stream,
  });
  const shown = new Map<string, SingleBar>(
    parts.map(({ name, total: steps }) => [
      name,
      container.create(steps, 0, { name: name.padEnd(width), activity: '', left: '     ' }),
    ]),
  );
  const left = (): string => {
    const seconds = Math.round(((performance.now() - started) / 1000 / done) * (total - done));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`;
  };

  return {
    begin: (part, activity) => shown.get(part)?.update({ activity }),
    step: (part) => {
      done++;
      const counter = counterOf(part);
      counter.done++;
      const finished = counter.done === counter.total;
      shown.get(part)?.update(counter.done, finished ? { left: 'done', activity: '' } : { left: left() });
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
