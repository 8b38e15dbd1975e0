/** The configuration of a session: the body of `POST /v1/sessions`, and the session files of the command line. */
import * as z from 'zod';
import { metricsSchema, nameSchema } from './names.js';

const milliseconds = (defaultMs: number) =>
  z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(defaultMs);

const selectionSchema = z
  .union(
    [
      z.literal('all'),
      z.strictObject({
        sample: z.int().min(1).describe('number of nodes that a round asks'),
        seed: z
          .int()
          .min(0)
          .max(2 ** 32 - 1)
          .default(0)
          .describe('seed of the draw, combined with the round and the attempt'),
      }),
    ],
    "must be 'all', or { sample, seed }",
  )
  .meta({
    id: 'Selection',
    description: 'The nodes that a round asks: all that are present, or a seeded sample of them',
    examples: ['all', { sample: 10, seed: 7 }],
  });

const modeSchema = z
  .union(
    [
      z.literal('sync'),
      z.strictObject({
        buffered: z.strictObject({
          bufferSize: z.int().min(1).describe('number of updates that close a round'),
          maxStaleness: z
            .int()
            .min(0)
            .max(1000)
            .default(10)
            .describe('maximum age, in rounds, of the model that an update was trained from'),
        }),
      }),
    ],
    "must be 'sync', or { buffered: { bufferSize, maxStaleness } }",
  )
  .meta({
    id: 'Mode',
    description:
      'sync: every update of a round is trained from the preceding model. buffered: updates trained from older models count as well, at a lower weight',
    examples: ['sync', { buffered: { bufferSize: 8 } }],
  });

const learningRateSchema = z
  .union(
    [
      z.number().positive(),
      z.strictObject({
        first: z.number().positive().describe('rate of the first round'),
        decay: z.enum(['constant', 'linear']).describe('linear: decreases to 0 after the last round'),
      }),
    ],
    'must be a positive number, or { first, decay }',
  )
  .meta({
    id: 'LearningRate',
    description: 'Factor for aggregated gradients; only if updates are gradients',
    examples: [0.1, { first: 0.1, decay: 'linear' }],
  });

const weightingSchema = z
  .union(
    [
      z.literal('equal'),
      z.strictObject({
        examplesUpTo: z.number().positive().describe('maximum number of examples that count for one node'),
      }),
    ],
    "must be 'equal', or { examplesUpTo }",
  )
  .meta({
    id: 'Weighting',
    description: 'Weights of the mean: equal, or the number of examples that each node reports, capped',
    examples: ['equal', { examplesUpTo: 1000 }],
  });

const adaptiveDeadlineSchema = z
  .strictObject({
    quantile: z
      .number()
      .gt(0)
      .max(1)
      .default(0.8)
      .describe('quantile of the response times; choose it below the share of nodes that are fast'),
    slack: z.number().min(1).default(1.25).describe('factor applied to the quantile'),
    minMs: milliseconds(100).describe('minimum deadline'),
    window: z.int().min(1).max(10_000).default(100).describe('number of most recent responses that count'),
  })
  .meta({
    id: 'AdaptiveDeadline',
    description: 'Adapts the deadline to recent response times, between minMs and deadlineMs',
  });

const retrySchema = z
  .strictObject({
    firstMs: milliseconds(1000).describe('wait after the first failure; it doubles with each further one'),
    maxMs: milliseconds(60_000).describe('maximum wait'),
    attempts: z.int().min(1).nullable().default(null).describe('maximum attempts per round; null: unlimited'),
  })
  .meta({
    id: 'Retry',
    description: 'How a round is retried after it misses its quorum or its aggregation fails',
  });

const stopWhenSchema = z
  .strictObject({
    metric: z.string().min(1).max(64).describe('name of the metric'),
    goal: z.enum(['max', 'min']).default('max').describe('max: larger is better; min: smaller is better'),
    reaches: z.number().nullable().default(null).describe('value at which the session ends; null: none'),
    patience: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('number of rounds without improvement after which the session ends; null: never'),
  })
  .meta({ id: 'StopWhen', description: 'Early stopping: when the session ends before its last round' });

const excludeSchema = z
  .strictObject({
    rounds: z.int().min(1).describe('number of consecutive suspicious rounds'),
    suspicion: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('suspicion above which a round counts as suspicious'),
  })
  .meta({ id: 'Exclude', description: 'When a node is excluded from the session' });

/** Validates a session's configuration and fills in the defaults. The pipeline itself is checked by the coordinator. */
export const sessionConfigSchema = z
  .strictObject({
    id: nameSchema,
    pipeline: z
      .string()
      .min(1)
      .max(1000)
      .meta({
        description: 'Pre-aggregators in order, then a rule',
        examples: ['nnm(f=2) > trimmed-mean(f=2)'],
      }),
    optimizer: z
      .string()
      .min(1)
      .max(200)
      .default('fed-avg')
      .meta({
        description: 'The server optimizer, which applies the aggregate to the model',
        examples: ['fed-adam(eta=0.1)'],
      }),
    updates: z
      .enum(['delta', 'gradient', 'weights'])
      .default('delta')
      .describe('what nodes send: the difference between new and old model, a gradient, or the new model'),
    learningRate: learningRateSchema.default(1),
    weighting: weightingSchema.default('equal'),
    rounds: z.int().min(1).max(1_000_000).default(100).describe('number of rounds to commit'),
    quorum: z.int().min(1).max(100_000).describe('minimum number of updates that a round aggregates'),
    targetUpdates: z
      .int()
      .min(1)
      .max(100_000)
      .nullable()
      .default(null)
      .describe(
        'number of updates that close a round before its deadline; null: one from every node that was asked',
      ),
    deadlineMs: milliseconds(60_000).describe('time from the opening of a round to its close'),
    adaptiveDeadline: adaptiveDeadlineSchema.nullable().default(null),
    selection: selectionSchema.default('all'),
    mode: modeSchema.default('sync'),
    retry: retrySchema.prefault({}),
    stopWhen: stopWhenSchema.nullable().default(null),
    exclude: excludeSchema.nullable().default(null),
    train: z
      .record(z.string(), z.json())
      .default({})
      .meta({
        description: 'Passed unchanged to the training function of every node',
        examples: [{ batchSize: 32, epochs: 1 }],
      }),
  })
  .superRefine((config, context) => {
    for (const { path, message } of findContradictions(config)) {
      context.addIssue({ code: 'custom', path: [...path], message, input: config });
    }
  })
  .meta({ id: 'SessionConfig', description: 'The configuration of a session' });

/** A complete session configuration, as the server returns it. */
export type SessionConfig = z.output<typeof sessionConfigSchema>;
/** A session configuration as it is written: what has a default may be left out. */
export type SessionConfigInput = z.input<typeof sessionConfigSchema>;

/** What a node reports along with an update, in headers. */
export const updateFactsSchema = z
  .strictObject({
    numExamples: z
      .number()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .nullable()
      .describe('number of examples that the update was trained on'),
    metrics: metricsSchema,
  })
  .meta({ id: 'UpdateFacts', description: 'What a node reports along with an update, in headers' });

/** Settings that are valid on their own but not together. */
export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

/** Contradictions in a configuration, as far as they do not depend on the pipeline. */
export function findContradictions(config: SessionConfig): Contradiction[] {
  const { quorum, targetUpdates, selection, mode, updates, learningRate } = config;
  const { adaptiveDeadline, deadlineMs, retry, stopWhen } = config;
  const found: Contradiction[] = [];
  const refuseIf = (isContradiction: boolean, path: string, message: string): void => {
    if (isContradiction) found.push({ path: path.split('.'), message });
  };

  const atLeastQuorum = `must be at least the quorum, ${quorum}`;
  const sample = selection === 'all' ? Infinity : selection.sample;
  refuseIf(sample < quorum, 'selection.sample', atLeastQuorum);
  if (targetUpdates !== null) {
    refuseIf(targetUpdates < quorum, 'targetUpdates', atLeastQuorum);
    refuseIf(targetUpdates > sample, 'targetUpdates', `must be at most the sample, ${sample}`);
    refuseIf(
      mode !== 'sync',
      'targetUpdates',
      'must be null in buffered mode, where bufferSize closes a round',
    );
  }
  if (mode !== 'sync') {
    const { bufferSize } = mode.buffered;
    refuseIf(bufferSize < quorum, 'mode.buffered.bufferSize', atLeastQuorum);
    refuseIf(bufferSize > sample, 'mode.buffered.bufferSize', `must be at most the sample, ${sample}`);
    refuseIf(
      updates === 'weights',
      'updates',
      'must be delta or gradient in buffered mode, where the weights of a stale node would undo later rounds',
    );
  }
  refuseIf(
    updates !== 'gradient' && learningRate !== 1,
    'learningRate',
    `applies to gradients only; updates are '${updates}'`,
  );
  refuseIf(
    adaptiveDeadline !== null && adaptiveDeadline.minMs > deadlineMs,
    'adaptiveDeadline.minMs',
    `must be at most deadlineMs, ${deadlineMs}`,
  );
  refuseIf(retry.firstMs > retry.maxMs, 'retry.firstMs', `must be at most maxMs, ${retry.maxMs}`);
  refuseIf(
    stopWhen !== null && stopWhen.reaches === null && stopWhen.patience === null,
    'stopWhen',
    'must have reaches, patience, or both',
  );
  return found;
}
