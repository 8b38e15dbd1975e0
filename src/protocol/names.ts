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

/** Measurements by name; finite, as JSON has no other numbers. */
export const metricsSchema = z
  .record(z.string().min(1).max(64), z.number())
  .refine((metrics) => Object.keys(metrics).length <= 32, 'at most 32 metrics')
  .meta({ id: 'Metrics', description: 'Measurements by name, at most 32', examples: [{ loss: 0.31 }] });
