/**
 * A session's committed rounds, a line each. The newest lines ride in every checkpoint, so that a restart finds them in
 * the newest one, whatever was removed of the older ones.
 */
import type { RoundPoint } from './record.js';

/** In memory, and so the most that can be asked for. */
const MOST_LINES = 10_000;
/** In a checkpoint, whose header is bounded: some 200 KB as a rule. Lines that name the nodes of a large sample are longer. */
const MOST_LINES_STORED = 1000;
const MOST_CHARACTERS_STORED = 2 ** 20;

export class History {
  private lines: RoundPoint[];

  constructor(lines: readonly RoundPoint[] = []) {
    this.lines = [...lines];
  }

  add(point: RoundPoint): void {
    this.lines.push(point);
    if (this.lines.length > MOST_LINES) this.lines.shift();
  }

  /** What was measured of a round after it was committed. What the coordinator measured itself stays. */
  measured(round: number, metrics: Readonly<Record<string, number>>): void {
    this.lines = this.lines.map((line) =>
      line.round === round ? { ...line, metrics: { ...metrics, ...line.metrics } } : line,
    );
  }

  of(round: number): RoundPoint | undefined {
    return this.lines.find((line) => line.round === round);
  }

  /** Ascending, from a round on. */
  page({ from, limit }: { readonly from: number; readonly limit: number }): readonly RoundPoint[] {
    return this.lines.filter(({ round }) => round >= from).slice(0, limit);
  }

  /** For a checkpoint: the newest lines that there is room for, and one more. */
  storedWith(point: RoundPoint): readonly RoundPoint[] {
    const newest = this.lines.slice(1 - MOST_LINES_STORED);
    let room = MOST_CHARACTERS_STORED - JSON.stringify(point).length;
    const tooOld = newest.findLastIndex((line) => (room -= JSON.stringify(line).length) < 0);
    return [...newest.slice(tooOld + 1), point];
  }
}
