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
  .union(
    [
      z.literal('all'),
      z.strictObject({
        sample: z.int().min(1).describe('how many nodes a round asks'),
        seed: z
          .int()
          .min(0)
          .max(2 ** 32 - 1)
          .default(0)
          .describe('of the draw, along with the round and the attempt'),
      }),
    ],
    "must be 'all', or { sample, seed }",
  )
  .meta({
    id: 'Selection',
    description: 'Which nodes a round asks: all that are there, or a seeded sample of them',
    examples: ['all', { sample: 10, seed: 7 }],
  });

const modeSchema = z
  .union(
    [
      z.literal('sync'),
      z.strictObject({
        buffered: z.strictObject({
          bufferSize: z.int().min(1).describe('updates that close a round'),
          maxStaleness: z
            .int()
            .min(0)
            .max(1000)
            .default(10)
            .describe('how many rounds old the model may be that an update was trained from'),
        }),
      }),
    ],
    "must be 'sync', or { buffered: { bufferSize, maxStaleness } }",
  )
  .meta({
    id: 'Mode',
    description:
      'sync: all updates of a round are trained from the model before it. Buffered: from older ones too, at a lower weight',
    examples: ['sync', { buffered: { bufferSize: 8 } }],
  });

const learningRateSchema = z
  .union(
    [
      z.number().positive(),
      z.strictObject({
        first: z.number().positive().describe('in the first round'),
        decay: z.enum(['constant', 'linear']).describe('linear: to 0 after the last round'),
      }),
    ],
    'must be a positive number, or { first, decay }',
  )
  .meta({
    id: 'LearningRate',
    description: 'What aggregated gradients are multiplied by; only for updates that are gradients',
    examples: [0.1, { first: 0.1, decay: 'linear' }],
  });

const weightingSchema = z
  .union(
    [
      z.literal('equal'),
      z.strictObject({
        examplesUpTo: z.number().positive().describe('the most examples that a node may count for'),
      }),
    ],
    "must be 'equal', or { examplesUpTo }",
  )
  .meta({
    id: 'Weighting',
    description: "The mean's weights: equal, or the numbers of examples that nodes report, capped",
    examples: ['equal', { examplesUpTo: 1000 }],
  });

const adaptiveDeadlineSchema = z
  .strictObject({
    quantile: z
      .number()
      .gt(0)
      .max(1)
      .default(0.8)
      .describe('of the response times; below the share of nodes that are quick'),
    slack: z.number().min(1).default(1.25).describe('what the quantile is multiplied by'),
    minMs: milliseconds(100).describe('the shortest deadline'),
    window: z.int().min(1).max(10_000).default(100).describe('how many of the last responses count'),
  })
  .meta({
    id: 'AdaptiveDeadline',
    description: 'Learns the deadline from response times, between minMs and deadlineMs',
  });

const retrySchema = z
  .strictObject({
    firstMs: milliseconds(1000).describe('wait after the first failure; doubled after each further one'),
    maxMs: milliseconds(60_000).describe('the longest wait'),
    attempts: z.int().min(1).nullable().default(null).describe('of one round; null: no end'),
  })
  .meta({ id: 'Retry', description: 'What happens after a round without its quorum' });

const stopWhenSchema = z
  .strictObject({
    metric: z.string().min(1).max(64).describe('its name'),
    goal: z.enum(['max', 'min']).default('max').describe('whether larger or smaller is better'),
    reaches: z.number().nullable().default(null).describe('ends at this value'),
    patience: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('ends when it has not improved for so many rounds'),
  })
  .meta({ id: 'StopWhen', description: 'Ends the session before its last round' });

const excludeSchema = z
  .strictObject({
    rounds: z.int().min(1).describe('suspicious rounds, one after the other'),
    suspicion: z.number().min(0).max(1).default(0.5).describe('above which a round is suspicious'),
  })
  .meta({ id: 'Exclude', description: 'When a node is left out of the session' });

export const sessionConfigSchema = z
  .strictObject({
    id: nameSchema,
    pipeline: z
      .string()
      .min(1)
      .max(1000)
      .meta({
        description: 'How updates are aggregated, as reports name it',
        examples: ['nnm(f=2) > trimmed-mean(f=2)'],
      }),
    optimizer: z
      .string()
      .min(1)
      .max(200)
      .default('fed-avg')
      .meta({ description: 'How the aggregate changes the model', examples: ['fed-adam(eta=0.1)'] }),
    updates: z
      .enum(['delta', 'gradient', 'weights'])
      .default('delta')
      .describe('what nodes send: new − old model, a gradient, or the new model'),
    learningRate: learningRateSchema.default(1),
    weighting: weightingSchema.default('equal'),
    rounds: z.int().min(1).max(1_000_000).default(100).describe('to commit'),
    quorum: z.int().min(1).max(100_000).describe('the fewest updates that a round may aggregate'),
    targetUpdates: z
      .int()
      .min(1)
      .max(100_000)
      .nullable()
      .default(null)
      .describe('updates that close a round before its deadline; null: those of all nodes that were asked'),
    deadlineMs: milliseconds(60_000).describe('when a round closes, counted from its opening'),
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
        description: 'Handed to every node as it is',
        examples: [{ batchSize: 32, epochs: 1 }],
      }),
  })
  .superRefine((config, context) => {
    for (const { path, message } of findContradictions(config)) {
      context.addIssue({ code: 'custom', path: [...path], message, input: config });
    }
  })
  .meta({ id: 'SessionConfig', description: 'What a session is to do' });

export type SessionConfig = z.output<typeof sessionConfigSchema>;
export type SessionConfigInput = z.input<typeof sessionConfigSchema>;

/** What comes with an update, in headers. */
export const updateFactsSchema = z
  .strictObject({
    numExamples: z
      .number()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .nullable()
      .describe('examples that it was trained from'),
    metrics: metricsSchema,
  })
  .meta({ id: 'UpdateFacts', description: 'What comes with an update, in headers' });

/** What in a session's configuration can't be true together, though each part is as it should be. */
export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

/** Those that can be found without knowing the pipeline. */
export function findContradictions(config: SessionConfig): Contradiction[] {
  const { quorum, targetUpdates, selection, mode, updates, learningRate } = config;
  const { adaptiveDeadline, deadlineMs, retry, stopWhen } = config;
  const found: Contradiction[] = [];
  const refuseIf = (isWrong: boolean, path: string, message: string): void => {
    if (isWrong) found.push({ path: path.split('.'), message });
  };

  const atLeastQuorum = `must be at least the quorum, ${quorum}`;
  const sample = selection === 'all' ? Infinity : selection.sample;
  refuseIf(sample < quorum, 'selection.sample', atLeastQuorum);
  if (targetUpdates !== null) {
    refuseIf(targetUpdates < quorum, 'targetUpdates', atLeastQuorum);
    refuseIf(targetUpdates > sample, 'targetUpdates', `must be at most the sample, ${sample}`);
    refuseIf(mode !== 'sync', 'targetUpdates', 'must be null: a buffer closes at its bufferSize');
  }
  if (mode !== 'sync') {
    const { bufferSize } = mode.buffered;
    refuseIf(bufferSize < quorum, 'mode.buffered.bufferSize', atLeastQuorum);
    refuseIf(bufferSize > sample, 'mode.buffered.bufferSize', `must be at most the sample, ${sample}`);
    refuseIf(
      updates === 'weights',
      'updates',
      'must be delta or gradient in a buffer: old weights would undo rounds',
    );
  }
  refuseIf(
    updates !== 'gradient' && learningRate !== 1,
    'learningRate',
    `is for gradients; updates are '${updates}'`,
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
    'needs reaches, patience, or both',
  );
  return found;
}
