/** A session's configuration: what `POST /v1/sessions` takes, and files of the command line hold. */
import { z } from 'zod';
import { metricsSchema, nameSchema } from './names.js';

const milliseconds = (standard: number) =>
  z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(standard);

const selectionSchema = z
  .union([
    z.literal('all'),
    z.strictObject({
      sample: z.int().min(1),
      seed: z
        .int()
        .min(0)
        .max(2 ** 32 - 1)
        .default(0),
    }),
  ])
  .default('all')
  .describe('which nodes a round asks: all, or a seeded sample');

const modeSchema = z
  .union([
    z.literal('sync'),
    z.strictObject({
      buffered: z.strictObject({
        bufferSize: z.int().min(1),
        maxStaleness: z.int().min(0).max(1000).default(10),
      }),
    }),
  ])
  .default('sync')
  .describe('sync, or buffered: a round takes updates trained from older models too');

const learningRateSchema = z
  .union([
    z.number().positive(),
    z.strictObject({ first: z.number().positive(), decay: z.enum(['constant', 'linear']) }),
  ])
  .describe('what gradients are multiplied by; linear decay reaches 0 after the last round');

export const sessionConfigSchema = z.strictObject({
  id: nameSchema,
  pipeline: z.string().min(1).max(1000).describe("as reports name it: 'nnm(f=2) > trimmed-mean(f=2)'"),
  optimizer: z.string().min(1).max(200).default('fed-avg').describe("'fed-adam(eta=0.1)'"),
  updates: z
    .enum(['delta', 'gradient', 'weights'])
    .default('delta')
    .describe('what nodes send: new − old model, a gradient, or the new model'),
  learningRate: learningRateSchema.default(1),
  weighting: z
    .union([z.literal('equal'), z.strictObject({ examplesUpTo: z.number().positive() })])
    .default('equal')
    .describe("the mean's weights: equal, or the numbers of examples that nodes report, capped"),
  rounds: z.int().min(1).max(1_000_000).default(100),
  quorum: z.int().min(1).max(100_000),
  targetUpdates: z.int().min(1).max(100_000).nullable().default(null),
  deadlineMs: milliseconds(60_000),
  adaptiveDeadline: z
    .strictObject({
      quantile: z.number().gt(0).max(1).default(0.9),
      slack: z.number().min(1).default(1.5),
      leastMs: milliseconds(100),
      window: z.int().min(1).max(10_000).default(100),
    })
    .nullable()
    .default(null),
  selection: selectionSchema,
  mode: modeSchema,
  retry: z
    .strictObject({
      firstMs: milliseconds(1000),
      mostMs: milliseconds(60_000),
      attempts: z.int().min(1).nullable().default(null),
    })
    .prefault({}),
  stopWhen: z
    .strictObject({
      metric: z.string().min(1).max(64),
      goal: z.enum(['max', 'min']).default('max'),
      reaches: z.number().nullable().default(null),
      patience: z.int().min(1).nullable().default(null),
    })
    .nullable()
    .default(null),
  exclude: z
    .strictObject({ rounds: z.int().min(1), suspicion: z.number().min(0).max(1).default(0.5) })
    .nullable()
    .default(null)
    .describe('leave a node out after so many suspicious rounds one after the other'),
  train: z
    .record(z.string(), z.json())
    .default({})
    .describe('handed to every node as it is: batch size, seed, …'),
});

export type SessionConfig = z.output<typeof sessionConfigSchema>;
export type SessionConfigInput = z.input<typeof sessionConfigSchema>;

/** What comes with an update, in headers. */
export const updateFactsSchema = z.strictObject({
  numExamples: z.number().min(0).max(Number.MAX_SAFE_INTEGER).nullable(),
  metrics: metricsSchema,
});
