/** Checks parameters against their schema, and describes a schema for `rules()` and the documentation. */
import { z } from 'zod';
import { QuorateError } from '../errors.js';

/** The most Byzantine updates that are tolerated. */
export const byzantineBound = z.int().min(0).describe('most Byzantine updates');

/** A parameter, as `rules()` tells it. */
export interface ParameterDescription {
  readonly name: string;
  readonly description: string;
  /** A JSON schema of the values. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly required: boolean;
  readonly default?: unknown;
}

/**
 * @param owner whose parameters they are, for the message
 * @throws QuorateError UNKNOWN_PARAMETER (first, for a misspelling often leaves another one missing), INVALID_PARAMETER
 */
export function parseParameters<S extends z.ZodObject>(
  owner: string,
  schema: S,
  given: unknown,
): z.output<S> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  const known = Object.keys(schema.shape);
  for (const issue of parsed.error.issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const takes = known.length === 0 ? 'no parameters' : known.join(', ');
    throw new QuorateError(
      'UNKNOWN_PARAMETER',
      `${owner} has no parameter '${issue.keys.join("', '")}'; it takes ${takes}`,
      {
        owner,
        unknown: issue.keys,
        known,
      },
    );
  }
  const [issue] = parsed.error.issues;
  const path = issue.path.join('.');
  throw new QuorateError('INVALID_PARAMETER', `${owner}: ${path ? `${path}: ` : ''}${issue.message}`, {
    owner,
    parameter: path,
  });
}

export function describeParameters(schema: z.ZodObject): ParameterDescription[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, property]) => {
    const { description = '', ...rest } = property as Record<string, unknown> & { description?: string };
    return {
      name,
      description,
      schema: rest,
      required: required.includes(name),
      ...('default' in rest ? { default: rest.default } : {}),
    };
  });
}
