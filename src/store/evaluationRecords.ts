/** What the journal holds of nodes' evaluations: those of each session's newest model, which no checkpoint has yet. */
import type { EvaluationRecord, StoredEvaluations } from './store.js';

interface Held {
  readonly round: number;
  readonly answers: Map<string, StoredEvaluations['answers'][number]>;
  counted: readonly string[] | null;
}

export class EvaluationRecords {
  readonly #held = new Map<string, Held>();

  of(session: string): StoredEvaluations | null {
    const held = this.#held.get(session);
    return held ? { ...held, answers: [...held.answers.values()] } : null;
  }

  /** A record of another round begins anew; of two by the same node, the first counts. */
  apply(record: EvaluationRecord): void {
    const { session, round } = record;
    const known = this.#held.get(session);
    const held: Held = known?.round === round ? known : { round, answers: new Map(), counted: null };
    this.#held.set(session, held);
    if (record.type === 'evaluations-counted') held.counted ??= record.nodes;
    else if (!held.answers.has(record.node)) {
      held.answers.set(record.node, { node: record.node, evaluation: record.evaluation });
    }
  }

  forget(session: string): void {
    this.#held.delete(session);
  }

  /** What leads to the same again. */
  *records(): Generator<EvaluationRecord> {
    for (const [session, { round, answers, counted }] of this.#held) {
      for (const answer of answers.values()) yield { type: 'evaluation', session, round, ...answer };
      if (counted) yield { type: 'evaluations-counted', session, round, nodes: counted };
    }
  }
}
