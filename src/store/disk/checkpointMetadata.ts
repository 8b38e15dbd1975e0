/** What a checkpoint tells beside its tensors, checked: a file that was made by hand may say anything. */
import { z } from 'zod';
import { type ErrorCode, errorCodes } from '../../errors.js';
import { stateVectors } from '../../optimizers/serverOptimizer.js';
import type { AcceptedUpdate, NodeRecord, RoundState, SessionState } from '../../rounds/machine.js';

const count = z.int().min(0);
const nodes = z.array(z.string());

export const acceptedUpdateSchema: z.ZodType<AcceptedUpdate> = z.strictObject({
  node: z.string(),
  digest: z.string().nullable(),
  numExamples: z.number().nullable(),
  metrics: z.record(z.string(), z.number()),
  staleness: count,
  responseMs: z.number(),
});
const acceptedSchema = z.record(z.string(), acceptedUpdateSchema);

const attempt = { number: count, attempt: count };
const opened = { ...attempt, openedAtMs: z.number(), asked: nodes.nullable(), accepted: acceptedSchema };
const roundSchema: z.ZodType<RoundState> = z.discriminatedUnion('phase', [
  z.strictObject({ phase: z.literal('idle') }),
  z.strictObject({ phase: z.literal('waiting'), ...attempt }),
  z.strictObject({ phase: z.literal('collecting'), ...opened, deadlineAtMs: z.number(), awaited: nodes }),
  z.strictObject({ phase: z.literal('aggregating'), ...opened }),
  z.strictObject({ phase: z.literal('backing-off'), ...attempt, untilMs: z.number() }),
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

const stateSchema: z.ZodType<SessionState> = z.strictObject({
  status: z.enum(['created', 'running', 'paused', 'completed', 'stopped', 'failed']),
  reason: z.string().nullable(),
  committed: count,
  round: roundSchema,
  nodes: z.record(z.string(), nodeSchema),
  responseTimesMs: z.array(z.number()),
  openings: z.record(z.string(), z.number()),
  best: z.strictObject({ value: z.number(), round: count, measured: count }).nullable(),
});

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
  record: z.json(),
});
