/**
 * The nodes' evaluations of the newest model. They are put together when all nodes that are there have answered, or when
 * the next model is about to be committed; after the last round, by a deadline.
 */
import type { Evaluation } from '../protocol/views.js';
import type { Clock } from './coordinator.js';
import { Evaluations } from './evaluation.js';

export interface MeasuringOptions {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** A cap on what a node's examples count; null: all nodes count alike. */
  readonly examplesUpTo: number | null;
  /** Who could answer. */
  readonly nodes: () => readonly string[];
  readonly tell: (round: number, metrics: Readonly<Record<string, number>>) => void;
}

export class Measuring {
  private readonly options: MeasuringOptions;
  private evaluations: Evaluations;
  private cancelDeadline: (() => void) | null = null;

  constructor(round: number, options: MeasuringOptions) {
    this.evaluations = new Evaluations(round);
    this.options = options;
  }

  begin(round: number): void {
    this.evaluations = new Evaluations(round);
  }

  /** No other round will end this one's. */
  endInTime(): void {
    const { clock, deadlineMs } = this.options;
    this.cancelDeadline = clock.at(clock.now() + deadlineMs, () => this.conclude());
  }

  /** @throws QuorateError ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE */
  add(node: string, round: number, evaluation: Evaluation): void {
    this.evaluations.add(node, round, evaluation);
    this.concludeIfAnswered();
  }

  concludeIfAnswered(): void {
    if (this.evaluations.hasAll(this.options.nodes())) this.conclude();
  }

  conclude(): void {
    const { evaluations } = this;
    if (!evaluations.close()) return;
    this.options.tell(evaluations.round, evaluations.summary(this.options.examplesUpTo));
  }

  close(): void {
    this.cancelDeadline?.();
  }
}
