/** What the server tells of nodes, sessions and rounds. The coordinator returns these, the server sends them as JSON. */
import { z } from 'zod';
import { metricsSchema, nameSchema } from './names.js';
import { sessionConfigSchema } from './session.js';

export const nodeRegistrationSchema = z.strictObject({
  id: nameSchema,
  sessions: z.array(nameSchema).max(1000).default([]).describe('sessions that it takes part in'),
  capabilities: z.record(z.string().max(64), z.json()).default({}),
  publicKey: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be a raw Ed25519 key in base64url')
    .nullable()
    .default(null)
    .describe('Ed25519, raw, base64url'),
});
export type NodeRegistration = z.output<typeof nodeRegistrationSchema>;

export const nodeStatusSchema = z.enum(['joined', 'healthy', 'suspect', 'lost']);

export const nodeViewSchema = z.strictObject({
  id: nameSchema,
  status: nodeStatusSchema,
  sessions: z.array(nameSchema),
  capabilities: z.record(z.string(), z.json()),
  publicKey: z.string().nullable(),
  registeredAtMs: z.number(),
  lastSeenMs: z.number(),
  /** How often it should be heard. */
  heartbeatMs: z.number(),
});
export type NodeView = z.output<typeof nodeViewSchema>;

export const nodeRecordSchema = z.strictObject({
  node: nameSchema,
  present: z.boolean(),
  excluded: z.boolean(),
  roundsAsked: z.int(),
  accepted: z.int(),
  refused: z.record(z.string(), z.int()),
  meanResponseMs: z.number().nullable(),
  meanSuspicion: z.number().nullable(),
  lastSuspicion: z.number().nullable(),
  suspiciousRounds: z.int(),
  lastRound: z.int().nullable(),
});

export const tensorSchema = z.strictObject({ name: z.string(), shape: z.array(z.int().min(0)) });

export const roundSummarySchema = z.strictObject({
  number: z.int(),
  attempt: z.int(),
  phase: z.enum(['waiting', 'collecting', 'aggregating', 'backing-off', 'committed']),
  openedAtMs: z.number().nullable(),
  deadlineAtMs: z.number().nullable(),
  committedAtMs: z.number().nullable(),
  /** Ids; null: every node that is there. */
  asked: z.array(nameSchema).nullable(),
  accepted: z.int(),
  metrics: metricsSchema,
});
export type RoundSummary = z.output<typeof roundSummarySchema>;

export const roundUpdateSchema = z.strictObject({
  node: nameSchema,
  digest: z.string().nullable(),
  numExamples: z.number().nullable(),
  metrics: metricsSchema,
  staleness: z.int(),
  responseMs: z.number(),
  /** From the report, once the round is committed. */
  used: z.boolean().nullable(),
  weight: z.number().nullable(),
  norm: z.number().nullable(),
  distance: z.number().nullable(),
  suspicion: z.number().nullable(),
});

export const roundViewSchema = roundSummarySchema.extend({
  pipeline: z.string(),
  updates: z.array(roundUpdateSchema),
  /** SHA-256 of the model that the round began with, of the aggregate, and of the model that it made. */
  previousModelDigest: z.string().nullable(),
  aggregateDigest: z.string().nullable(),
  modelDigest: z.string().nullable(),
  timesMs: z.record(z.string(), z.number()).nullable(),
});
export type RoundView = z.output<typeof roundViewSchema>;

export const modelViewSchema = z.strictObject({
  round: z.int(),
  d: z.int(),
  digest: z.string(),
  tensors: z.array(tensorSchema),
});
export type ModelView = z.output<typeof modelViewSchema>;

export const sessionStatusSchema = z.enum([
  'created',
  'running',
  'paused',
  'completed',
  'stopped',
  'failed',
]);

export const sessionViewSchema = z.strictObject({
  id: nameSchema,
  status: sessionStatusSchema,
  reason: z.string().nullable(),
  config: sessionConfigSchema,
  createdAtMs: z.number(),
  committed: z.int(),
  model: modelViewSchema.nullable(),
  round: roundSummarySchema.nullable(),
  nodes: z.array(nodeRecordSchema),
});
export type SessionView = z.output<typeof sessionViewSchema>;

/** The answer to an update. */
export const receiptSchema = z.strictObject({
  round: z.int(),
  node: nameSchema,
  digest: z.string().nullable(),
  /** True: this very update was here before. */
  repeated: z.boolean(),
  staleness: z.int(),
  accepted: z.int(),
  quorum: z.int(),
});
export type UpdateReceipt = z.output<typeof receiptSchema>;

export const evaluationSchema = z.strictObject({
  metrics: metricsSchema,
  numExamples: z.number().positive().nullable().default(null),
});
export type Evaluation = z.output<typeof evaluationSchema>;

/** One round's point in each series. */
export const metricsPointSchema = z.strictObject({
  round: z.int(),
  committedAtMs: z.number(),
  roundMs: z.number(),
  accepted: z.int(),
  refused: z.int(),
  meanSuspicion: z.number().nullable(),
  maxSuspicion: z.number().nullable(),
  /** What nodes measured in training (mean), what the coordinator measured, and what nodes evaluated. */
  metrics: metricsSchema,
});
export type MetricsPoint = z.output<typeof metricsPointSchema>;
