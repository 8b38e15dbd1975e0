/** What a checkpoint holds beside its tensors, checked: a file that was made by hand may say anything. */
import * as z from 'zod';
import { type ErrorCode, errorCodes } from '../../errors.js';
import { stateVectors } from '../../optimizers/serverOptimizer.js';
import type {
  AcceptedUpdate,
  CommitAnnouncement,
  NodeRecord,
  RoundState,
  SessionState,
  SessionStatus,
} from '../../rounds/machine.js';

const count = z.int().min(0);

export const acceptedUpdateSchema: z.ZodType<AcceptedUpdate> = z.strictObject({
  node: z.string(),
  digest: z.string().nullable(),
  numExamples: z.number().nullable(),
  metrics: z.record(z.string(), z.number()),
  staleness: count,
  responseMs: z.number(),
});

/** Once a round is committed, none is under way: the next one has not opened. */
const roundSchema: z.ZodType<RoundState> = z.discriminatedUnion('phase', [
  z.strictObject({ phase: z.literal('idle') }),
  z.strictObject({ phase: z.literal('waiting'), number: count, attempt: count }),
]);

const nodeSchema: z.ZodType<NodeRecord> = z.strictObject({
  present: z.boolean(),
  excluded: z.boolean(),
  roundsAsked: count,
  accepted: count,
  refused: z.partialRecord(z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]), count),
  meanResponseMs: z.number().nullable(),
  meanSuspicion: z.number().nullable(),
  judged: count,
  lastSuspicion: z.number().nullable(),
  suspiciousRounds: count,
  lastRound: count.nullable(),
  trainedFor: count.nullable(),
});

export const statusSchema: z.ZodType<SessionStatus> = z.enum([
  'created',
  'running',
  'paused',
  'completed',
  'stopped',
  'failed',
]);

const stateSchema: z.ZodType<SessionState> = z.strictObject({
  status: statusSchema,
  reason: z.string().nullable(),
  committed: count,
  round: roundSchema,
  failure: z.null(), // a commit forgets it
  nodes: z.record(z.string(), nodeSchema),
  responseTimesMs: z.array(z.number()),
  openings: z.record(z.string(), z.number()),
  best: z.strictObject({ value: z.number(), round: count, measured: count }).nullable(),
});

const announcementSchema: z.ZodType<CommitAnnouncement> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('round-committed'),
    round: count,
    metrics: z.record(z.string(), z.number()),
  }),
  z.strictObject({ type: z.literal('node-excluded'), node: z.string(), round: count }),
  z.strictObject({
    type: z.literal('session-status'),
    status: statusSchema,
    reason: z.string().nullable(),
  }),
]);

export const metadataSchema = z.strictObject({
  round: count,
  createdAtMs: z.number(),
  modelDigest: z.string().regex(/^[0-9a-f]{64}$/),
  optimizer: z
    .strictObject({
      step: count,
      /** Which tensors are not the model's. */
      vectors: z.partialRecord(z.enum(stateVectors), z.string()),
    })
    .nullable(),
  state: stateSchema,
  announcements: z.array(announcementSchema),
  eventsBefore: count,
  record: z.json(),
  /** The session as the journal had it, which thereby can be rebuilt; null: the journal did not know it. */
  session: z.strictObject({ id: z.string(), config: z.json(), createdAtMs: z.number() }).nullable(),
  /** Of two files of one round the one with the greater number replaced the other. */
  revision: z.int().min(1),
  batch: count.exactOptional(),
});
