/** Nodes, sessions and rounds as seen from outside: the coordinator returns these views, the server sends them as JSON. */
import * as z from 'zod';
import {
  MAX_CAPABILITIES_BYTES,
  MAX_SESSIONS_PER_NODE,
  metricsSchema,
  nameSchema,
  roundMetricsSchema,
} from './names.js';
import { sessionConfigSchema } from './sessionConfig.js';

const timeMs = z.number().describe('Unix time in milliseconds');
const digest = z.string().meta({
  description: 'SHA-256 of the float32 values, in hex',
  examples: ['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
});
const committedNumber = (description: string) =>
  z.number().nullable().describe(`${description}; null until the round is committed`);

/** The body of a node's registration. */
export const nodeRegistrationSchema = z
  .strictObject({
    id: nameSchema,
    sessions: z
      .array(nameSchema)
      .max(MAX_SESSIONS_PER_NODE)
      .default([])
      .describe('sessions that the node takes part in'),
    capabilities: z
      .record(z.string().max(64), z.json())
      .refine(
        (capabilities) =>
          new TextEncoder().encode(JSON.stringify(capabilities)).length <= MAX_CAPABILITIES_BYTES,
        `must take at most ${MAX_CAPABILITIES_BYTES} bytes as JSON`,
      )
      .default({})
      .describe(
        `what the node reports about itself, at most ${MAX_CAPABILITIES_BYTES} bytes as JSON; not interpreted`,
      ),
    publicKey: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be a raw Ed25519 public key in base64url')
      .nullable()
      .default(null)
      .describe('raw Ed25519 public key in base64url'),
    token: z
      .string()
      .trim()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 256 random bits in base64url')
      .optional()
      .describe('token chosen by the node, which it then knows even if the response is lost'),
  })
  .meta({ id: 'NodeRegistration', description: 'The registration of a node' });
/** A node's registration. */
export type NodeRegistration = z.output<typeof nodeRegistrationSchema>;

/** The liveness of a node. */
export const nodeStatusSchema = z.enum(['joined', 'healthy', 'suspect', 'lost']).meta({
  id: 'NodeStatus',
  description: 'joined: registered, no heartbeat yet; suspect, then lost: heartbeats are missing',
});

/** A node. */
export const nodeViewSchema = z
  .strictObject({
    id: nameSchema,
    status: nodeStatusSchema,
    sessions: z.array(nameSchema).describe('sessions that the node takes part in'),
    capabilities: z.record(z.string(), z.json()).describe('what the node reported about itself'),
    publicKey: z.string().nullable().describe('raw Ed25519 public key in base64url'),
    registeredAtMs: timeMs,
    lastSeenMs: timeMs,
    heartbeatMs: z.number().describe('interval of its heartbeats'),
  })
  .meta({ id: 'Node', description: 'A registered node' });
/** A registered node. */
export type NodeView = z.output<typeof nodeViewSchema>;

/** A node's record in a session. */
export const nodeRecordSchema = z
  .strictObject({
    node: nameSchema,
    present: z.boolean().describe('whether rounds can ask the node now'),
    excluded: z.boolean().describe('whether the session has excluded the node for its suspicion'),
    roundsAsked: z.int().describe('number of rounds that asked the node'),
    accepted: z.int().describe('number of its updates that were accepted'),
    refused: z.record(z.string(), z.int()).describe('number of its updates that were refused, by error code'),
    meanResponseMs: z.number().nullable().describe('mean time from the opening of a round to its update'),
    meanSuspicion: z.number().nullable(),
    lastSuspicion: z.number().nullable(),
    suspiciousRounds: z.int().describe('consecutive suspicious rounds up to now'),
    lastRound: z.int().nullable().describe('last round that accepted an update from it'),
  })
  .meta({ id: 'NodeRecord', description: 'The record of a node in a session' });
/** The record of a node in a session. */
export type NodeRecordView = z.output<typeof nodeRecordSchema>;

const tensorSchema = z
  .strictObject({ name: z.string(), shape: z.array(z.int().min(0)).describe('empty for a scalar') })
  .meta({
    id: 'Tensor',
    description: 'A tensor of a model',
    examples: [{ name: 'fc.weight', shape: [10, 784] }],
  });

const roundPhaseSchema = z.enum(['waiting', 'collecting', 'aggregating', 'backing-off', 'committed']).meta({
  id: 'RoundPhase',
  description: 'waiting: for enough nodes; backing-off: after a failed attempt, before the next one',
});

/** A round without its updates. */
export const roundSummarySchema = z
  .strictObject({
    number: z.int().describe('from 1; round k produces model k'),
    attempt: z.int().describe('number of the attempt, from 1'),
    phase: roundPhaseSchema,
    openedAtMs: timeMs.nullable(),
    deadlineAtMs: timeMs.nullable(),
    committedAtMs: timeMs.nullable(),
    asked: z
      .array(nameSchema)
      .nullable()
      .describe('the nodes that were asked; null: every node that is present'),
    accepted: z.int().describe('number of accepted updates'),
    reason: z.string().nullable().describe('why the last attempt of this round failed'),
    metrics: roundMetricsSchema,
  })
  .meta({ id: 'RoundSummary', description: 'A round, without its updates' });
/** A round, without its updates. */
export type RoundSummary = z.output<typeof roundSummarySchema>;

/** An update within a round. */
export const roundUpdateSchema = z
  .strictObject({
    node: nameSchema,
    digest: digest.nullable(),
    numExamples: z.number().nullable().describe('number of examples, as the node reported it'),
    metrics: metricsSchema,
    staleness: z.int().describe('age, in rounds, of the model that it was trained from'),
    responseMs: z.number().describe('time from the opening of the round'),
    used: z.boolean().nullable().describe('whether the rule used it; null until the round is committed'),
    weight: committedNumber('weight in the aggregate'),
    norm: committedNumber('Euclidean norm'),
    distance: committedNumber('Euclidean distance from the aggregate'),
    suspicion: committedNumber('suspicion, from 0 to 1'),
  })
  .meta({ id: 'RoundUpdate', description: 'An update of a round, and its part in the result' });
/** An update of a round, and its part in the result. */
export type RoundUpdate = z.output<typeof roundUpdateSchema>;

/** A round with its updates. */
export const roundViewSchema = roundSummarySchema
  .extend({
    pipeline: z.string().describe('the pipeline that aggregates its updates'),
    updates: z.array(roundUpdateSchema),
    previousModelDigest: digest.nullable().describe('SHA-256 of the model that the round started from'),
    aggregateDigest: digest.nullable().describe('SHA-256 of the aggregate'),
    modelDigest: digest.nullable().describe('SHA-256 of the model that the round produced'),
    timesMs: z.record(z.string(), z.number()).nullable().describe('duration of each stage'),
  })
  .meta({ id: 'Round', description: 'A round with its updates' });
/** A round with its updates. */
export type RoundView = z.output<typeof roundViewSchema>;

/** A model, without its values. */
export const modelViewSchema = z
  .strictObject({
    round: z.int().describe('the round that produced it; 0 for the initial model'),
    d: z.int().describe('number of values, over all tensors'),
    digest,
    tensors: z.array(tensorSchema).describe('in the order of their values in the model'),
  })
  .meta({ id: 'Model', description: 'A model, without its values' });
/** A model, without its values. */
export type ModelView = z.output<typeof modelViewSchema>;

/** The state of a session. */
export const sessionStatusSchema = z
  .enum(['created', 'running', 'paused', 'completed', 'stopped', 'failed'])
  .meta({ id: 'SessionStatus', description: 'completed, stopped and failed are final' });

/** A session. */
export const sessionViewSchema = z
  .strictObject({
    id: nameSchema,
    status: sessionStatusSchema,
    reason: z
      .string()
      .nullable()
      .describe('why the session ended, or why the last attempt of its round failed'),
    config: sessionConfigSchema,
    createdAtMs: timeMs,
    committed: z.int().describe('number of committed rounds'),
    model: modelViewSchema.nullable().describe('the newest model'),
    round: roundSummarySchema.nullable().describe('the current round'),
    nodes: z.array(nodeRecordSchema),
  })
  .meta({ id: 'Session', description: 'The state of a session' });
/** The state of a session. */
export type SessionView = z.output<typeof sessionViewSchema>;

/** The response to an update. */
export const receiptSchema = z
  .strictObject({
    round: z.int(),
    node: nameSchema,
    digest: digest.nullable(),
    repeated: z.boolean().describe('whether the identical update had been accepted before'),
    staleness: z.int().describe('age, in rounds, of the model that the update was trained from'),
    accepted: z.int().describe('number of accepted updates of the round'),
    quorum: z.int().describe('number of updates that the round needs'),
  })
  .meta({ id: 'UpdateReceipt', description: 'Confirms that an update is durable and in the round' });
/** Confirms that an update is durable and in the round. */
export type UpdateReceipt = z.output<typeof receiptSchema>;

/** A node's evaluation of a model. */
export const evaluationSchema = z
  .strictObject({
    metrics: metricsSchema,
    numExamples: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('number of examples that the model was evaluated on'),
  })
  .meta({ id: 'Evaluation', description: "A node's evaluation of the model of a round" });
/** A node's evaluation of the model of a round. */
export type Evaluation = z.output<typeof evaluationSchema>;

/** The metrics of a committed round. */
export const metricsPointSchema = z
  .strictObject({
    round: z.int(),
    committedAtMs: timeMs,
    roundMs: z.number().describe('time from opening to commit'),
    accepted: z.int(),
    refused: z.int(),
    meanSuspicion: z.number().nullable(),
    maxSuspicion: z.number().nullable(),
    metrics: roundMetricsSchema.describe(
      'metrics of training (mean over nodes), of the coordinator, and of evaluation',
    ),
  })
  .meta({ id: 'MetricsPoint', description: 'The metrics of a committed round' });
/** The metrics of a committed round. */
export type MetricsPoint = z.output<typeof metricsPointSchema>;
