/** Names, tokens and metrics, which most of the protocol's schemas are built on. */
import * as z from 'zod';

/** The name of a node or session. Names occur in URLs and file names, so they are short and plain. */
export const nameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit',
  )
  .meta({
    id: 'Name',
    description: '1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit',
    examples: ['hospital-1'],
  });

/** A new token for a node: 256 random bits in base64url. Runs in pages too, so it uses the Web's own calls. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace('=', '');
}

/** Bounds the metrics of a node, and those of a round: their names are the nodes' choice, and every one is stored. */
export const MAX_METRICS = 32;

/** Bounds what a node says of itself, as JSON in UTF-8: it is stored, and held in memory. */
export const MAX_CAPABILITIES_BYTES = 4096;

/** In how many sessions one node may take part. */
export const MAX_SESSIONS_PER_NODE = 1000;

/** Metrics of one node by name. All are finite. */
export const metricsSchema = z
  .record(z.string().min(1).max(64), z.number())
  .refine((metrics) => Object.keys(metrics).length <= MAX_METRICS, `at most ${MAX_METRICS} metrics`)
  .meta({
    id: 'Metrics',
    description: `Metrics by name, at most ${MAX_METRICS}`,
    examples: [{ loss: 0.31 }],
  });
/** Metrics of one node by name. */
export type Metrics = Readonly<z.output<typeof metricsSchema>>;

/**
 * Metrics of a round: the coordinator's own, those of training as `train.<name>`, and those of evaluation as `<name>`
 * (median over nodes) and `<name>.mean`.
 */
export const roundMetricsSchema = z.record(z.string(), z.number()).meta({
  id: 'RoundMetrics',
  description: `Metrics of a round and its model. Of the metrics that nodes report, a round keeps the ${MAX_METRICS} most frequent ones from training and as many from evaluation`,
  examples: [{ 'train.loss': 0.31, accuracy: 0.91, 'accuracy.mean': 0.88 }],
});
