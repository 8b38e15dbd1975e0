/**
 * What nodes measure of a committed model, on data of their own, put together. An attacker reports what it likes, so
 * each metric's own name is that of the median; `<metric>.mean` is the mean, weighted as the session weights.
 */
import { QuorateError } from '../../errors.js';
import type { Evaluation } from '../../protocol/views.js';
import { commonNames } from './roundRecord.js';
import { examplesOf } from './nextModel.js';

const MEAN = '.mean';

export class Evaluations {
  /** The model that is being measured. */
  readonly round: number;
  private readonly answers: Map<string, Evaluation>;
  private isClosed = false;

  /** @param answers those that there are already, by node */
  constructor(round: number, answers: Iterable<readonly [string, Evaluation]> = []) {
    this.round = round;
    this.answers = new Map(answers);
  }

  /** Whose answers there are. */
  get nodes(): readonly string[] {
    return [...this.answers.keys()];
  }

  /** @returns false if it is the same again @throws QuorateError ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE */
  isNew(node: string, round: number, evaluation: Evaluation): boolean {
    if (round > this.round) {
      throw new QuorateError('ROUND_NOT_OPEN', `round ${round} is not committed yet`, { round });
    }
    const before = round === this.round ? this.answers.get(node) : undefined;
    if (before && canonical(before) !== canonical(evaluation)) {
      throw new QuorateError('CONFLICTING_UPDATE', `${node} has evaluated round ${round} differently`, {
        node,
        round,
      });
    }
    if (before) return false;
    if (round < this.round || this.isClosed) {
      throw new QuorateError('ROUND_CLOSED', `round ${round} takes no more evaluations`, { round });
    }
    return true;
  }

  /** The same again changes nothing. @throws QuorateError ROUND_NOT_OPEN, ROUND_CLOSED, CONFLICTING_UPDATE */
  add(node: string, round: number, evaluation: Evaluation): void {
    if (this.isNew(node, round, evaluation)) this.answers.set(node, evaluation);
  }

  /** Takes no more. @returns false if there is nothing to announce: fewer than `least` answers, or it was closed before */
  close(least: number): boolean {
    const hasNews = !this.isClosed && this.answers.size >= least;
    this.isClosed = true;
    return hasNews;
  }

  /** Whether all of these have answered, `least` or more altogether. */
  hasAll(nodes: readonly string[], least: number): boolean {
    return this.answers.size >= least && nodes.every((node) => this.answers.has(node));
  }

  /** @param examplesUpTo a cap on what a node's examples count; null: all nodes count alike */
  summary(examplesUpTo: number | null): Readonly<Record<string, number>> {
    const answers = [...this.answers.entries()].sort(byNode).map(([, evaluation]) => evaluation);
    const reported = commonNames(answers.map(({ metrics }) => metrics));
    // No node may replace a mean with a metric of that name.
    const names = reported.filter(
      (name) => !name.endsWith(MEAN) || !reported.includes(name.slice(0, -MEAN.length)),
    );
    return Object.fromEntries(
      names.flatMap((name) => {
        const theirs = answers.filter(({ metrics }) => Object.hasOwn(metrics, name));
        const values = theirs.map(({ metrics }) => metrics[name]!);
        const weights = theirs.map((answer) =>
          examplesUpTo === null ? 1 : examplesOf(answer, examplesUpTo),
        );
        return [
          [name, median(values)],
          [name + MEAN, weightedMean(values, weights)],
        ];
      }),
    );
  }
}

const byNode = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

const canonical = ({ metrics, numExamples }: Evaluation): string =>
  JSON.stringify([numExamples, Object.entries(metrics).sort(byNode)]);

function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  const middle = ascending.length >> 1;
  if (ascending.length % 2 === 1) return ascending[middle]!;
  return ascending[middle - 1]! / 2 + ascending[middle]! / 2;
}

function weightedMean(values: readonly number[], weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // Where all say that they had no examples, they count alike.
  const share = (i: number): number => (total === 0 ? 1 / values.length : weights[i]! / total);
  return values.reduce((mean, value, i) => mean + value * share(i), 0);
}
