/**
 * The round of a session that is under way: where its updates are kept, and their aggregation. What comes of it is told
 * to the session, which decides what follows.
 */
import type { AcceptedUpdate, RoundState } from '../../rounds/machine.js';
import type { RoundStore } from '../../store/store.js';
import { RoundAggregation, type RoundAggregationOptions, type Committed } from './roundAggregation.js';
import { RoundHandle } from './roundHandle.js';

/** What an aggregation needs beside the round itself. */
export type AggregationContext = Omit<RoundAggregationOptions, 'file' | 'facts' | 'updates'>;

export interface CurrentRoundOptions {
  /** Called as an aggregation begins. @throws QuorateError NO_MODEL */
  readonly recipe: () => AggregationContext;
  readonly inBackground: (work: Promise<void>) => void;
  readonly onCommitted: (committed: Committed) => Promise<void>;
  /** @param isGivenUp which is no fault of anyone's */
  readonly onFailed: (round: number, error: unknown, isGivenUp: boolean) => Promise<void>;
  /** Whether what is given up now is done again after a restart. */
  readonly isLeftForRestart: () => boolean;
}

export class CurrentRound {
  private readonly options: CurrentRoundOptions;
  private place: RoundHandle | null = null;
  private aggregation: RoundAggregation | null = null;

  constructor(options: CurrentRoundOptions) {
    this.options = options;
  }

  /** Of the round that collects or is being aggregated. */
  get file(): RoundHandle | null {
    return this.place;
  }

  /** @param make the place of its updates; asked again where it fails */
  open(make: () => Promise<RoundStore>): void {
    const place = new RoundHandle(make);
    this.place = place;
    this.options.inBackground(place.ready().then(() => undefined));
  }

  /** Goes on with what a restart found. */
  async recover(found: RoundStore): Promise<void> {
    this.place = new RoundHandle(() => Promise.resolve(found));
    await this.place.ready();
  }

  aggregate(
    { number, attempt, openedAtMs, asked }: Extract<RoundState, { phase: 'aggregating' }>,
    updates: readonly AcceptedUpdate[],
  ): void {
    const { place: file } = this;
    if (!file) return;
    const { recipe, inBackground } = this.options;
    const facts = { round: number, attempt, openedAtMs, asked };
    const aggregation = new RoundAggregation({ ...recipe(), file, facts, updates });
    this.aggregation = aggregation;
    inBackground(
      aggregation.outcome.then(
        (committed) => this.commit(committed, file),
        (error: unknown) => this.fail(aggregation, file, error),
      ),
    );
  }

  /** Gives up an aggregation that is under way. */
  abort(): void {
    this.aggregation?.abort();
  }

  discard(): void {
    if (this.aggregation) this.aggregation.abort();
    else if (this.place) this.options.inBackground(this.discardFile(this.place));
  }

  /** What was acknowledged stays. */
  async close(): Promise<void> {
    await this.place?.close();
  }

  private async commit(committed: Committed, file: RoundHandle): Promise<void> {
    this.aggregation = null;
    this.place = null; // uploads that are still under way are too late
    await this.options.onCommitted(committed);
    await file.close();
  }

  private async fail(aggregation: RoundAggregation, file: RoundHandle, error: unknown): Promise<void> {
    this.aggregation = null;
    const { isGivenUp, round } = aggregation;
    if (isGivenUp && this.options.isLeftForRestart()) return;
    await this.options.onFailed(round, error, isGivenUp);
    if (isGivenUp) await this.discardFile(file);
  }

  private async discardFile(file: RoundHandle): Promise<void> {
    if (this.place === file) this.place = null;
    await file.discard();
  }
}
