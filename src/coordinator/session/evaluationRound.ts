/**
 * The nodes' evaluations of the newest model. Each is durable before it counts, and counts before it is acknowledged.
 * They are put together when all nodes that are there have answered, or when the next model is about to be committed;
 * after the last round, by a deadline. Fewer than a quorum say nothing: they could all be attackers. Which ones were is durable before it is told, so that a restart
 * finds the same, and tells nothing else.
 */
import type { Evaluation } from '../../protocol/views.js';
import type { EvaluationRecord, StoredEvaluations } from '../../store/store.js';
import type { Clock } from '../../core/clock.js';
import { Evaluations } from './evaluations.js';

export interface EvaluationRoundOptions {
  readonly session: string;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** The fewest that are put together. */
  readonly quorum: number;
  /** A cap on what a node's examples count; null: all nodes count alike. */
  readonly examplesUpTo: number | null;
  /** Who could answer. */
  readonly nodes: () => readonly string[];
  /** Durable when it resolves. */
  readonly record: (record: EvaluationRecord) => Promise<void>;
  readonly tell: (round: number, metrics: Readonly<Record<string, number>>) => void;
  readonly inBackground: (work: Promise<void>) => void;
}

export class EvaluationRound {
  private readonly options: EvaluationRoundOptions;
  private evaluations: Evaluations;
  /** Resolves when what was put together last is told. */
  private telling: Promise<void> = Promise.resolve();
  private cancelDeadline: (() => void) | null = null;
  /** What was put together before a restart; null: nothing, of this model. */
  readonly recovered: Readonly<Record<string, number>> | null;

  /** @param stored what is durable of the round's model */
  constructor(round: number, stored: StoredEvaluations | null, options: EvaluationRoundOptions) {
    this.options = options;
    const { answers, counted } = stored?.round === round ? stored : { answers: [], counted: null };
    this.evaluations = new Evaluations(
      round,
      answers
        .filter(({ node }) => counted?.includes(node) ?? true)
        .map(({ node, evaluation }) => [node, evaluation]),
    );
    this.recovered =
      counted && this.evaluations.close(counted.length)
        ? this.evaluations.summary(options.examplesUpTo)
        : null;
  }

  begin(round: number): void {
    this.evaluations = new Evaluations(round);
  }

  /** No other round will end this one's. */
  endInTime(): void {
    const { clock, deadlineMs } = this.options;
    this.cancelDeadline = clock.at(clock.now() + deadlineMs, () => void this.conclude());
  }

  /** @throws QuorateError ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE, STORE_FULL, STORE_FAILED */
  async add(node: string, round: number, evaluation: Evaluation): Promise<void> {
    const { evaluations } = this;
    const { session, record } = this.options;
    if (!evaluations.isNew(node, round, evaluation)) return;
    await record({ type: 'evaluation', session, round, node, evaluation });
    evaluations.add(node, round, evaluation); // which may have been closed meanwhile
    await this.concludeIfAnswered();
  }

  async concludeIfAnswered(): Promise<void> {
    const { nodes, quorum } = this.options;
    if (this.evaluations.hasAll(nodes(), quorum)) await this.conclude();
  }

  /** Resolves when what there is to tell is told. Never throws. */
  conclude(): Promise<void> {
    const { evaluations } = this;
    const { session, quorum, record, tell, inBackground, examplesUpTo } = this.options;
    if (!evaluations.close(quorum)) return this.telling;
    const { round, nodes } = evaluations;
    const recording = record({ type: 'evaluations-counted', session, round, nodes });
    inBackground(recording);
    // Where there is no room for it, it is told all the same: the next checkpoint holds it.
    this.telling = recording
      .catch(() => undefined)
      .then(() => tell(round, evaluations.summary(examplesUpTo)));
    inBackground(this.telling);
    return this.telling;
  }

  close(): void {
    this.cancelDeadline?.();
  }
}
