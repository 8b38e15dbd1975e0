/** What a journal's record may say. Checksums tell damage; this tells a file that was made by hand. */
import { z } from 'zod';
import { evaluationSchema } from '../protocol/views.js';
import type { JournalRecord, NodeEntry, SessionEntry } from './store.js';

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

const sessionSchema: z.ZodType<SessionEntry> = z.strictObject({
  id,
  config: z.unknown(), // the coordinator checks it
  createdAtMs: z.number(),
  status: z.enum(['created', 'running', 'paused', 'completed', 'stopped', 'failed']),
  reason: z.string().nullable(),
});

export const journalRecordSchema: z.ZodType<JournalRecord> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('node'), node: nodeSchema }),
  z.strictObject({ type: z.literal('node-removed'), id }),
  z.strictObject({ type: z.literal('session'), session: sessionSchema }),
  z.strictObject({ type: z.literal('session-removed'), id }),
  z.strictObject({ type: z.literal('evaluation'), ...of, node: id, evaluation: evaluationSchema }),
  z.strictObject({ type: z.literal('evaluations-counted'), ...of, nodes: z.array(id) }),
]);
