/** What a journal's records say, and what they amount to. */
import * as z from 'zod';
import { evaluationSchema } from '../../protocol/views.js';
import type {
  CountedEvaluations,
  EvaluationRecord,
  JournalRecord,
  NodeEntry,
  SessionEntry,
  StoredEvaluations,
} from '../store.js';
import { statusSchema } from './checkpointMetadata.js';

/** So many of the nodes that were removed last are remembered: their updates may still be in rounds that are kept. */
const MAX_REMOVED_NODES = 1000;

/** What the journal's records amount to. */
export class JournalState {
  readonly nodes = new Map<string, NodeEntry>();
  readonly sessions = new Map<string, SessionEntry>();
  readonly evaluations = new EvaluationRecords();
  /** Sessions that were removed, whose files may still be there. */
  readonly removed = new Set<string>();
  /** The nodes that were removed last. */
  readonly removedNodes = new Set<string>();

  apply(record: JournalRecord): void {
    switch (record.type) {
      case 'node':
        this.nodes.set(record.node.id, record.node);
        this.removedNodes.delete(record.node.id);
        break;
      case 'node-removed':
        this.nodes.delete(record.id);
        this.removedNodes.add(record.id);
        if (this.removedNodes.size > MAX_REMOVED_NODES) this.removedNodes.delete([...this.removedNodes][0]!);
        break;
      case 'session':
        this.sessions.set(record.session.id, record.session);
        this.removed.delete(record.session.id);
        break;
      case 'session-removed':
        this.sessions.delete(record.id);
        this.evaluations.forget(record.id);
        this.removed.add(record.id);
        break;
      case 'evaluation':
      case 'evaluations-counted':
        this.evaluations.apply(record);
    }
  }

  /** What leads to the same again. */
  *records(): Generator<JournalRecord> {
    for (const node of this.nodes.values()) yield { type: 'node', node };
    for (const session of this.sessions.values()) yield { type: 'session', session };
    for (const id of this.removed) yield { type: 'session-removed', id };
    for (const id of this.removedNodes) yield { type: 'node-removed', id };
    yield* this.evaluations.records();
  }
}

/** What a journal's record may say. Checksums reveal damage; this reveals a file that was made by hand. */
const id = z.string();
const of = { session: id, round: z.int().min(0) };

const nodeSchema: z.ZodType<NodeEntry> = z.strictObject({
  id,
  tokenHash: z.string().nullable(),
  publicKey: z.string().nullable(),
  capabilities: z.record(z.string(), z.unknown()),
  sessions: z.array(id),
  registeredAtMs: z.number(),
});

export const sessionEntrySchema: z.ZodType<SessionEntry> = z.strictObject({
  id,
  config: z.unknown(), // the coordinator checks it
  createdAtMs: z.number(),
  status: statusSchema,
  reason: z.string().nullable(),
  secret: z.string().exactOptional(),
});

export const journalRecordSchema: z.ZodType<JournalRecord> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('node'), node: nodeSchema }),
  z.strictObject({ type: z.literal('node-removed'), id }),
  z.strictObject({ type: z.literal('session'), session: sessionEntrySchema }),
  z.strictObject({ type: z.literal('session-removed'), id }),
  z.strictObject({ type: z.literal('evaluation'), ...of, node: id, evaluation: evaluationSchema }),
  z.strictObject({
    type: z.literal('evaluations-counted'),
    ...of,
    nodes: z.array(id),
    eventsBefore: z.int().min(0),
  }),
]);

/** What the journal holds of nodes' evaluations: those of each session's newest model, which no checkpoint has yet. */
interface Held {
  readonly round: number;
  readonly answers: Map<string, StoredEvaluations['answers'][number]>;
  counted: CountedEvaluations | null;
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
    if (record.type === 'evaluations-counted') {
      held.counted ??= { nodes: record.nodes, eventsBefore: record.eventsBefore };
    } else if (!held.answers.has(record.node)) {
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
      if (counted) yield { type: 'evaluations-counted', session, round, ...counted };
    }
  }
}
