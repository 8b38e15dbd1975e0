/** Checks parameters against their schema, and describes a schema for `rules()` and the documentation. */
import { z } from 'zod';
import { parse } from '../schema.js';

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
 * @param given none: no parameters
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 */
export function parseParameters<S extends z.ZodObject>(
  owner: string,
  schema: S,
  given: unknown,
): z.output<S> {
  return parse(owner, schema, given ?? {});
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
