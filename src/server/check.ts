/** Checks what came in by a schema, and says what is wrong with it and where. */
import type { z } from 'zod';
import { QuorateError } from '../errors.js';

/**
 * @param where 'body', 'query', 'path', 'header Quorate-Metrics'
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER with `details.where` and `details.parameter`
 */
export function check<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const misspelt = parsed.error.issues.find((issue) => issue.code === 'unrecognized_keys');
  if (misspelt) {
    const parameter = [...misspelt.path, misspelt.keys[0]].join('.');
    throw new QuorateError('UNKNOWN_PARAMETER', `${where}: there is no '${parameter}'`, { where, parameter });
  }
  const [issue] = parsed.error.issues;
  const parameter = issue.path.join('.');
  const message = `${where}: ${parameter === '' ? '' : `${parameter}: `}${issue.message}`;
  throw new QuorateError('INVALID_PARAMETER', message, { where, parameter });
}
