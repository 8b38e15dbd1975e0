/**
 * Time for deadlines, liveness and everything else that is measured. The wall clock is no stopwatch: it is set, stepped
 * and smeared while a program runs. A monotonic clock is one, but runs on while the process is stopped (SIGSTOP, a paused
 * virtual machine) or blocked, and then every deadline has passed before anything that arrived meanwhile is read. This
 * clock is monotonic, and leaves such gaps out.
 */
export interface Clock {
  /**
   * Milliseconds on an axis that no change of the wall clock moves, and on which time that this process didn't run is
   * not counted. It begins at the wall clock's time, so that values look like times, but only differences mean anything:
   * what people read or a file keeps is `toWall` of it.
   */
  now(): number;
  /** The wall clock's time, in milliseconds since 1970, of a moment of this clock, as the wall clock stands now. */
  toWall(atMs: number): number;
  /**
   * Calls back once, at the given time or later. Must not keep the process alive.
   *
   * @returns a function that cancels the callback
   */
  at(timeMs: number, callback: () => void): () => void;
}

/** Longer timeouts fire immediately, so they are split. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** How often the process notices that it runs, and how much later than that counts as a gap. */
const BEAT_MS = 250;
const LATE_MS = 500;

/** The machine's clocks; tests pass their own. */
export interface ClockSources {
  /** Never goes back; milliseconds from any origin. */
  readonly monotonicMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

const machine: ClockSources = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

export class SystemClock implements Clock {
  private readonly sources: ClockSources;
  private readonly originMs: number;
  private lastMs: number;
  private skippedMs = 0;
  private beat: NodeJS.Timeout | null = null;

  constructor(sources: ClockSources = machine) {
    this.sources = sources;
    this.lastMs = sources.monotonicMs();
    this.originMs = Math.round(sources.wallMs() - this.lastMs);
  }

  now(): number {
    if (this.beat === null) {
      this.beat = setInterval(() => this.now(), BEAT_MS);
      this.beat.unref();
      this.lastMs = this.sources.monotonicMs();
    }
    const monotonicMs = this.sources.monotonicMs();
    const gapMs = monotonicMs - this.lastMs - BEAT_MS;
    if (gapMs > LATE_MS) this.skippedMs += gapMs;
    this.lastMs = monotonicMs;
    return Math.floor(this.originMs + monotonicMs - this.skippedMs);
  }

  toWall(atMs: number): number {
    return this.sources.wallMs() + atMs - this.now();
  }

  at(timeMs: number, callback: () => void): () => void {
    let timeout: NodeJS.Timeout;
    const wait = (): void => {
      const remainingMs = Math.max(0, timeMs - this.now());
      timeout = setTimeout(
        () => {
          if (this.now() >= timeMs) callback();
          else wait();
        },
        Math.min(remainingMs, MAX_TIMEOUT_MS),
      );
      timeout.unref();
    };
    wait();
    return () => clearTimeout(timeout);
  }
}

/** The machine's clock. */
export const systemClock: Clock = new SystemClock();
