/** Names of nodes and sessions: they stand in addresses and in file names, so they are short and plain. */
import { z } from 'zod';

export const nameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit',
  )
  .meta({
    id: 'Name',
    description: '1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit',
    examples: ['hospital-1'],
  });

/** Of one node, and of what nodes measured in a round: whatever they call it, everybody keeps it. */
export const MAX_METRICS = 32;

/** Measurements by name; finite, as JSON has no other numbers. */
export const metricsSchema = z
  .record(z.string().min(1).max(64), z.number())
  .refine((metrics) => Object.keys(metrics).length <= MAX_METRICS, `at most ${MAX_METRICS} metrics`)
  .meta({
    id: 'Metrics',
    description: `Measurements by name, at most ${MAX_METRICS}`,
    examples: [{ loss: 0.31 }],
  });
export type Metrics = Readonly<z.output<typeof metricsSchema>>;

/** Of a round: what the coordinator measured, `train.` + what nodes did in training, and what they evaluated, with `.mean`. */
export const roundMetricsSchema = z.record(z.string(), z.number()).meta({
  id: 'RoundMetrics',
  description: `What was measured in a round, and of its model. Of what nodes measure in training, and of what they evaluate, the ${MAX_METRICS} that most of them report`,
  examples: [{ 'train.loss': 0.31, accuracy: 0.91, 'accuracy.mean': 0.88 }],
});
