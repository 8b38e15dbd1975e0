/** What the server tells of nodes, sessions and rounds. The coordinator returns these, the server sends them as JSON. */
import { z } from 'zod';
import { metricsSchema, nameSchema, roundMetricsSchema } from './names.js';
import { sessionConfigSchema } from './sessionConfig.js';

const timeMs = z.number().describe('milliseconds since 1970');
const digest = z.string().meta({
  description: 'SHA-256 of the float32 values, in hex',
  examples: ['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
});
const share = (what: string) => z.number().nullable().describe(`${what}; null before the round is committed`);

export const nodeRegistrationSchema = z
  .strictObject({
    id: nameSchema,
    sessions: z.array(nameSchema).max(1000).default([]).describe('sessions that it takes part in'),
    capabilities: z
      .record(z.string().max(64), z.json())
      .default({})
      .describe('what the node says of itself; not interpreted'),
    publicKey: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be a raw Ed25519 key in base64url')
      .nullable()
      .default(null)
      .describe('Ed25519, raw, base64url'),
    token: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 256 random bits in base64url')
      .optional()
      .describe('chosen by the node itself, so that it is known even if the answer is lost'),
  })
  .meta({ id: 'NodeRegistration', description: 'A node that wants to take part' });
export type NodeRegistration = z.output<typeof nodeRegistrationSchema>;

export const nodeStatusSchema = z.enum(['joined', 'healthy', 'suspect', 'lost']).meta({
  id: 'NodeStatus',
  description: 'joined: not heard yet; suspect and lost: heartbeats are missing',
});

export const nodeViewSchema = z
  .strictObject({
    id: nameSchema,
    status: nodeStatusSchema,
    sessions: z.array(nameSchema).describe('sessions that it takes part in'),
    capabilities: z.record(z.string(), z.json()).describe('what the node says of itself'),
    publicKey: z.string().nullable().describe('Ed25519, raw, base64url'),
    registeredAtMs: timeMs,
    lastSeenMs: timeMs,
    heartbeatMs: z.number().describe('how often it should be heard'),
  })
  .meta({ id: 'Node', description: 'A registered node' });
export type NodeView = z.output<typeof nodeViewSchema>;

const nodeRecordSchema = z
  .strictObject({
    node: nameSchema,
    present: z.boolean().describe('whether rounds can ask it now'),
    excluded: z.boolean().describe('whether it is left out for its suspicion'),
    roundsAsked: z.int(),
    accepted: z.int().describe('updates that were taken'),
    refused: z.record(z.string(), z.int()).describe('updates that were refused, by error code'),
    meanResponseMs: z.number().nullable().describe('from the opening of a round to its update'),
    meanSuspicion: z.number().nullable(),
    lastSuspicion: z.number().nullable(),
    suspiciousRounds: z.int().describe('one after the other, up to now'),
    lastRound: z.int().nullable().describe('the last that it had an update in'),
  })
  .meta({ id: 'NodeRecord', description: 'How a node has behaved in a session' });

const tensorSchema = z
  .strictObject({ name: z.string(), shape: z.array(z.int().min(0)).describe('none for a single value') })
  .meta({
    id: 'Tensor',
    description: 'A part of a model',
    examples: [{ name: 'fc.weight', shape: [10, 784] }],
  });

const roundPhaseSchema = z.enum(['waiting', 'collecting', 'aggregating', 'backing-off', 'committed']).meta({
  id: 'RoundPhase',
  description: 'waiting: for nodes; backing-off: after an attempt without quorum',
});

export const roundSummarySchema = z
  .strictObject({
    number: z.int().describe('from 1; a round makes the model of its number'),
    attempt: z.int().describe('from 1'),
    phase: roundPhaseSchema,
    openedAtMs: timeMs.nullable(),
    deadlineAtMs: timeMs.nullable(),
    committedAtMs: timeMs.nullable(),
    asked: z.array(nameSchema).nullable().describe('nodes; null: every node that is there'),
    accepted: z.int().describe('updates that are in'),
    metrics: roundMetricsSchema,
  })
  .meta({ id: 'RoundSummary', description: 'A round in short' });
export type RoundSummary = z.output<typeof roundSummarySchema>;

export const roundUpdateSchema = z
  .strictObject({
    node: nameSchema,
    digest: digest.nullable(),
    numExamples: z.number().nullable().describe('as the node reported'),
    metrics: metricsSchema,
    staleness: z.int().describe('how many rounds old its base model is'),
    responseMs: z.number().describe('from the opening of the round'),
    used: z.boolean().nullable().describe('whether the rule used it; null before the round is committed'),
    weight: share('its weight in the aggregate'),
    norm: share('its length'),
    distance: share('from the aggregate'),
    suspicion: share('from 0 to 1'),
  })
  .meta({ id: 'RoundUpdate', description: 'An update in a round, with its part in the result' });

export const roundViewSchema = roundSummarySchema
  .extend({
    pipeline: z.string().describe('how its updates are aggregated'),
    updates: z.array(roundUpdateSchema),
    previousModelDigest: digest.nullable().describe('SHA-256 of the model that it began with'),
    aggregateDigest: digest.nullable().describe('SHA-256 of the aggregate'),
    modelDigest: digest.nullable().describe('SHA-256 of the model that it made'),
    timesMs: z.record(z.string(), z.number()).nullable().describe('how long each stage took'),
  })
  .meta({ id: 'Round', description: 'A round with its updates' });
export type RoundView = z.output<typeof roundViewSchema>;

export const modelViewSchema = z
  .strictObject({
    round: z.int().describe('that made it; 0: the initial model'),
    d: z.int().describe('number of values'),
    digest,
    tensors: z.array(tensorSchema).describe('in the order of their values'),
  })
  .meta({ id: 'Model', description: 'A model, without its values' });
export type ModelView = z.output<typeof modelViewSchema>;

export const sessionStatusSchema = z
  .enum(['created', 'running', 'paused', 'completed', 'stopped', 'failed'])
  .meta({ id: 'SessionStatus' });

export const sessionViewSchema = z
  .strictObject({
    id: nameSchema,
    status: sessionStatusSchema,
    reason: z.string().nullable().describe('why it ended'),
    config: sessionConfigSchema,
    createdAtMs: timeMs,
    committed: z.int().describe('rounds so far'),
    model: modelViewSchema.nullable().describe('the newest'),
    round: roundSummarySchema.nullable().describe('the one under way'),
    nodes: z.array(nodeRecordSchema),
  })
  .meta({ id: 'Session', description: 'A session as it stands' });
export type SessionView = z.output<typeof sessionViewSchema>;

export const receiptSchema = z
  .strictObject({
    round: z.int(),
    node: nameSchema,
    digest: digest.nullable(),
    repeated: z.boolean().describe('true: this very update was here before'),
    staleness: z.int().describe('how many rounds old its base model is'),
    accepted: z.int().describe('updates that are in'),
    quorum: z.int().describe('updates that are needed'),
  })
  .meta({ id: 'UpdateReceipt', description: 'The answer to an update: it is durable' });
export type UpdateReceipt = z.output<typeof receiptSchema>;

export const evaluationSchema = z
  .strictObject({
    metrics: metricsSchema,
    numExamples: z.number().positive().nullable().default(null).describe('examples that it was measured on'),
  })
  .meta({ id: 'Evaluation', description: "What a node measured of a round's model" });
export type Evaluation = z.output<typeof evaluationSchema>;

export const metricsPointSchema = z
  .strictObject({
    round: z.int(),
    committedAtMs: timeMs,
    roundMs: z.number().describe('from opening to commit'),
    accepted: z.int(),
    refused: z.int(),
    meanSuspicion: z.number().nullable(),
    maxSuspicion: z.number().nullable(),
    metrics: roundMetricsSchema.describe(
      'what nodes measured in training (mean), what the coordinator measured, and what nodes evaluated',
    ),
  })
  .meta({ id: 'MetricsPoint', description: "One round's point in each series" });
export type MetricsPoint = z.output<typeof metricsPointSchema>;
