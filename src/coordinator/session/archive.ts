/** The committed rounds of a session: a line of each, and the records of those whose checkpoint is kept. */
import { QuorateError } from '../../errors.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import type { Checkpoint, SessionStore } from '../../store/store.js';
import { readRecord, type RoundPoint, type RoundRecord } from './roundRecord.js';

/** Records that are kept at hand; older ones are read again. */
const MAX_RECORDS = 16;

export class Archive {
  private readonly history: History;
  private readonly store: SessionStore;
  private readonly records = new Map<number, RoundRecord>();
  /** Uploads that were refused since the last commit. */
  private refusals = 0;

  /** @param newest where a restart finds the history. @throws QuorateError CORRUPT_FILE */
  constructor(store: SessionStore, newest: Checkpoint | null) {
    this.store = store;
    const record = newest && newest.round > 0 ? readRecord(newest.round, newest.record) : null;
    this.history = new History(record?.series);
    if (newest && record) this.records.set(newest.round, record);
  }

  /** An upload was refused: the next round's line counts it. */
  refused(): void {
    this.refusals++;
  }

  add(round: number, record: RoundRecord): void {
    this.refusals = 0;
    this.history.add(record.series.at(-1)!);
    this.remember(round, record);
  }

  /** What was measured of a round after it was committed. */
  measured(round: number, metrics: Readonly<Record<string, number>>): void {
    this.history.measured(round, metrics);
  }

  /** For a checkpoint: the newest lines, this one the last. */
  seriesWith(point: Omit<RoundPoint, 'refused'>): readonly RoundPoint[] {
    return this.history.storedWith({ ...point, refused: this.refusals });
  }

  line(round: number): RoundPoint | undefined {
    return this.history.of(round);
  }

  /** Ascending, from a round on. */
  lines(page: { readonly from: number; readonly limit: number }): readonly RoundPoint[] {
    return this.history.page(page);
  }

  /** @throws QuorateError UNKNOWN_ROUND, CORRUPT_FILE */
  async record(round: number): Promise<RoundRecord> {
    const known = this.records.get(round);
    if (known) return known;
    if (round === 0) throw new QuorateError('UNKNOWN_ROUND', 'round 0 is the initial model', { round });
    const record = readRecord(round, (await this.store.readCheckpoint(round)).record);
    this.remember(round, record);
    return record;
  }

  /** The update of a node in a committed round. @throws QuorateError UNKNOWN_ROUND, UNKNOWN_UPDATE, CORRUPT_FILE */
  async update(round: number, node: string): Promise<Pick<AcceptedUpdate, 'digest' | 'staleness'>> {
    const { updates } = await this.record(round);
    const update = updates.find((row) => row.node === node);
    if (update) return update;
    throw new QuorateError('UNKNOWN_UPDATE', `round ${round} has no update of ${node}`, { round, node });
  }

  private remember(round: number, record: RoundRecord): void {
    this.records.delete(round);
    this.records.set(round, record);
    const [oldest] = this.records.keys();
    if (this.records.size > MAX_RECORDS) this.records.delete(oldest!);
  }
}

/*
 * A session's committed rounds, a line each. The newest lines ride in every checkpoint, so that a restart finds them in
 * the newest one, even if older ones were removed.
 */

/** In memory, and so the most that can be asked for. */
const MAX_LINES = 10_000;
/** In a checkpoint, whose header is bounded: some 200 KB as a rule. Lines that name the nodes of a large sample are longer. */
const MAX_LINES_STORED = 1000;
const MAX_CHARACTERS_STORED = 2 ** 20;

export class History {
  private lines: RoundPoint[];

  constructor(lines: readonly RoundPoint[] = []) {
    this.lines = [...lines];
  }

  add(point: RoundPoint): void {
    this.lines.push(point);
    if (this.lines.length > MAX_LINES) this.lines.shift();
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
    const newest = this.lines.slice(1 - MAX_LINES_STORED);
    let room = MAX_CHARACTERS_STORED - JSON.stringify(point).length;
    const tooOld = newest.findLastIndex((line) => (room -= JSON.stringify(line).length) < 0);
    return [...newest.slice(tooOld + 1), point];
  }
}
