/** Checks of options and parameters that every part shares. Unknown ones are refused; nothing is clamped. */
import * as z from 'zod';
import { QuorateError } from '../errors.js';
import { parse } from '../schema.js';
import { didYouMean } from '../suggest.js';

/** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
export function refuseUnknown(where: string, options: object, known: readonly string[]): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new QuorateError('INVALID_PARAMETER', `${where}: options must be an object`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new QuorateError(
      'UNKNOWN_PARAMETER',
      `${where} has no option '${key}'; its options are ${known.join(', ')}${didYouMean(key, known)}`,
      {
        parameter: key,
        known,
      },
    );
  }
}

/** @throws QuorateError INVALID_PARAMETER */
export function requireWholeNumber(name: string, value: unknown, min: number, max: number): void {
  if (typeof value === 'number' && (Number.isInteger(value) || value === max) && value >= min && value <= max)
    return;
  const bounds = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new QuorateError('INVALID_PARAMETER', `${name} must be an integer ${bounds}; got ${String(value)}`, {
    parameter: name,
    value,
  });
}

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT */
export function requireVector(value: unknown, what: string): asserts value is Float32Array {
  if (!(value instanceof Float32Array)) {
    throw new QuorateError('BAD_TYPE', `${what} must be a Float32Array`, { what });
  }
  if (value.length === 0) throw new QuorateError('EMPTY_INPUT', `${what} has no entries`, { what });
}

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT, BAD_SHAPE */
export function requireVectorOf(d: number, value: unknown, what: string): asserts value is Float32Array {
  requireVector(value, what);
  if (value.length === d) return;
  throw new QuorateError('BAD_SHAPE', `${what} has ${value.length} entries, not ${d}`, {
    what,
    got: value.length,
    expected: d,
  });
}

/** Refuses NaN and infinities; the error names the first one. @throws QuorateError NON_FINITE */
export function refuseNonFinite(values: Float32Array, what: string): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new QuorateError('NON_FINITE', `${what}: entry ${index} is ${values[index]}`, { what, index });
}

/** The parameter f: how many Byzantine updates are tolerated. */
export const byzantineBound = z.int().min(0).describe('maximum number of Byzantine updates');

/** The description of a parameter, as `rules()`, `optimizers()` and `attacks()` list it. */
export interface ParameterDescription {
  /** As it is written in code and configuration files. */
  readonly name: string;
  /** What it means, in a few words. */
  readonly description: string;
  /** A JSON schema of its values. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Whether it must be given. */
  readonly required: boolean;
  /** Its value if it is not given. Absent if it has none. */
  readonly default?: unknown;
}

/**
 * Checks a stage's parameters and fills in defaults.
 *
 * @param owner the stage's name, for the message
 * @param given undefined is the same as no parameters
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 */
export function parseParameters<S extends z.ZodObject>(
  owner: string,
  schema: S,
  given: unknown,
): z.output<S> {
  return parse(owner, schema, given ?? {});
}

/** Describes a schema's parameters. */
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
