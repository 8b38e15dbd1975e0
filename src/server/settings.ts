/** The settings of the configuration by path: what environment variables and flags can say, one value each. */
import { z } from 'zod';
import { configSchema } from './config.js';

export interface Setting {
  /** 'limits.requestsPerMinute.node' */
  readonly path: string;
  /** 'QUORATE_LIMITS_REQUESTS_PER_MINUTE_NODE' */
  readonly variable: string;
  readonly schema: z.ZodType;
  readonly description: string;
}

/** What stands behind defaults. */
function bare(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap() as z.ZodType;
  return inner;
}

const describes = (schema: z.ZodType): string => schema.description ?? bare(schema).description ?? '';

const variableOf = (path: string): string =>
  `QUORATE_${path
    .replaceAll('.', '_')
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;

function settingsOf(schema: z.ZodObject, prefix: string): Setting[] {
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const child = value as z.ZodType;
    const path = `${prefix}${key}`;
    const inner = bare(child);
    if (inner instanceof z.ZodObject) return settingsOf(inner, `${path}.`);
    return [{ path, variable: variableOf(path), schema: child, description: describes(child) }];
  });
}

export const settings: readonly Setting[] = settingsOf(configSchema, '');
