/** The committed rounds of a session: a line of each, and the records of those whose checkpoint is kept. */
import { QuorateError } from '../errors.js';
import type { AcceptedUpdate } from '../rounds/state.js';
import type { Checkpoint, SessionStore } from '../store/store.js';
import { History } from './history.js';
import { readRecord, type RoundPoint, type RoundRecord } from './record.js';

/** Records that are kept at hand; older ones are read again. */
const MOST_RECORDS = 16;

export class Archive {
  private readonly history: History;
  private readonly store: SessionStore;
  private readonly records = new Map<number, RoundRecord>();

  /** @param newest where a restart finds the history. @throws QuorateError CORRUPT_FILE */
  constructor(store: SessionStore, newest: Checkpoint | null) {
    this.store = store;
    const record = newest && newest.round > 0 ? readRecord(newest.round, newest.record) : null;
    this.history = new History(record?.series);
    if (newest && record) this.records.set(newest.round, record);
  }

  add(round: number, record: RoundRecord): void {
    this.history.add(record.series.at(-1)!);
    this.remember(round, record);
  }

  /** What was measured of a round after it was committed. */
  measured(round: number, metrics: Readonly<Record<string, number>>): void {
    this.history.measured(round, metrics);
  }

  /** For a checkpoint: the newest lines, this one the last. */
  seriesWith(point: RoundPoint): readonly RoundPoint[] {
    return this.history.storedWith(point);
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
    if (this.records.size > MOST_RECORDS) this.records.delete(oldest);
  }
}
