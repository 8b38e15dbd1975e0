/**
 * The nodes' evaluations of the newest model. Each is durable before it counts, and counts before it is acknowledged.
 * They are summarized when all nodes that are present have answered, or when the next model is about to be committed;
 * after the last round, at a deadline. Fewer than a quorum are not: they could all be attackers. Which ones count is
 * durable before the summary is announced, so that a restart finds the same ones. The record holds the number of the
 * newest event, as a checkpoint does: the announcement, if it was made, comes after it (announcements.ts).
 */
import type { Evaluation } from '../../protocol/views.js';
import type { EvaluationRecord, EventLog, StoredEvaluations } from '../../store/store.js';
import type { Unconfirmed } from './announcements.js';
import type { BackgroundWork } from './backgroundWork.js';
import type { Clock } from '../../core/clock.js';
import { Evaluations } from './evaluations.js';
import type { UntimedEvent } from './eventQueue.js';

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
  readonly send: (evaluated: Extract<UntimedEvent, { type: 'evaluated' }>) => unknown;
  readonly events: Pick<EventLog, 'last'>;
  readonly background: BackgroundWork;
}

export class EvaluationRound {
  private readonly options: EvaluationRoundOptions;
  private evaluations: Evaluations;
  /** Resolves when the newest summary is announced. */
  private announcing: Promise<void> = Promise.resolve();
  private cancelDeadline: (() => void) | null = null;
  /** What was summarized before a restart; null: nothing, of this model. */
  readonly recovered: Readonly<Record<string, number>> | null;
  /** Its announcement, which may have been made before the restart. */
  readonly unconfirmed: Unconfirmed | null;

  /** @param stored what is durable of the round's model */
  constructor(round: number, stored: StoredEvaluations | null, options: EvaluationRoundOptions) {
    this.options = options;
    const { answers, counted } = stored?.round === round ? stored : { answers: [], counted: null };
    this.evaluations = new Evaluations(
      round,
      answers
        .filter(({ node }) => counted?.nodes.includes(node) ?? true)
        .map(({ node, evaluation }) => [node, evaluation]),
    );
    this.recovered =
      counted && this.evaluations.close(counted.nodes.length)
        ? this.evaluations.summary(options.examplesUpTo)
        : null;
    this.unconfirmed = counted &&
      this.recovered && {
        announcements: [{ type: 'round-evaluated', round, metrics: this.recovered }],
        eventsBefore: counted.eventsBefore,
      };
  }

  begin(round: number): void {
    this.evaluations = new Evaluations(round);
  }

  /**
   * Sets the deadline of the last round, whose evaluations no other round ends.
   *
   * @param elapsedMs how much of the time has passed before a restart
   */
  endInTime(elapsedMs = 0): void {
    const { clock, deadlineMs } = this.options;
    const remainingMs = Math.max(0, deadlineMs - elapsedMs);
    this.cancelDeadline?.();
    this.cancelDeadline = clock.at(clock.now() + remainingMs, () => void this.conclude());
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

  /** Resolves when the summary is announced, if there is one. Never throws. */
  conclude(): Promise<void> {
    const { evaluations } = this;
    const { session, quorum, record, send, events, background, examplesUpTo } = this.options;
    if (!evaluations.close(quorum)) return this.announcing;
    const { round, nodes } = evaluations;
    const eventsBefore = events.last;
    const recording = record({ type: 'evaluations-counted', session, round, nodes, eventsBefore });
    background.run(recording);
    // If the disk is full, it is announced all the same: the next checkpoint holds it.
    this.announcing = recording
      .catch(() => undefined)
      .then(() => void send({ type: 'evaluated', round, metrics: evaluations.summary(examplesUpTo) }));
    background.run(this.announcing);
    return this.announcing;
  }

  close(): void {
    this.cancelDeadline?.();
  }
}
