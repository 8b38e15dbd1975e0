/** Checks unknown data against a schema, and reports the first problem as a QuorateError. */
import * as z from 'zod';
import { QuorateError } from './errors.js';
import { didYouMean } from './suggest.js';

type Issue = z.core.$ZodIssue;

/** Whether an alternative of a union expects another kind of value, so that it was not meant. */
const isOtherKind = (issue: Issue): boolean => issue.path.length === 0 && issue.code !== 'unrecognized_keys';

/** The issues; for a union, those of the single alternative that the value resembles, if there is one. */
function leaves(issues: readonly Issue[], path: readonly PropertyKey[] = []): Issue[] {
  return issues.flatMap((issue): Issue[] => {
    const whole = { ...issue, path: [...path, ...issue.path] };
    if (issue.code !== 'invalid_union') return [whole];
    const meant = issue.errors.filter((alternative) => !alternative.some(isOtherKind));
    return meant.length === 1 ? leaves(meant[0]!, whole.path) : [whole];
  });
}

/**
 * Parses data by a schema.
 *
 * @param owner what the data belong to, for the message
 * @returns the schema's output, with defaults filled in
 * @throws QuorateError UNKNOWN_PARAMETER, with the names in `details.unknown` (checked first, because a misspelled
 *   parameter often leaves another one missing); INVALID_PARAMETER. `details.parameter` is the path,
 *   'mode.buffered.bufferSize' for instance
 */
export function parse<S extends z.ZodType>(owner: string, schema: S, given: unknown): z.output<S> {
  const parsed = schema.safeParse(given, { error: sentence });
  if (parsed.success) return parsed.data;
  const issues = leaves(parsed.error.issues);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    refuseUnknown(owner, issue, namesAt(schema, issue.path));
  }
  const { path, message } = issues[0]!;
  const parameter = path.join('.');
  const where = parameter === '' ? '' : `${parameter}: `;
  throw new QuorateError('INVALID_PARAMETER', `${owner}: ${where}${message}`, { owner, parameter });
}

/** The names of the object at a path of a schema; undefined where the schema has alternatives. */
function namesAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] | undefined {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodNullable) {
    inner = inner.unwrap();
  }
  if (!(inner instanceof z.ZodObject)) return undefined;
  const shape = inner.shape as Readonly<Record<string, z.core.$ZodType>>;
  const [name, ...rest] = path;
  if (name === undefined) return Object.keys(shape);
  const next = shape[String(name)];
  return next && namesAt(next, rest);
}

const kinds: Readonly<Record<string, string>> = {
  int: 'an integer',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  boolean: 'true or false',
  number: 'a finite number',
  string: 'text',
};

/** A value as a message shows it: short, and never as a dump. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value.length <= 40 ? `'${value}'` : `'${value.slice(0, 40)}…'`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/** What was expected, in words for people, unless the schema has its own. */
function sentence(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = kinds[issue.expected] ?? issue.expected;
      return issue.input === undefined
        ? `is missing; it must be ${expected}`
        : `must be ${expected}; got ${shown(issue.input)}`;
    }
    case 'invalid_value': {
      const values = issue.values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
      const hint = typeof issue.input === 'string' ? didYouMean(issue.input, issue.values.map(String)) : '';
      return `must be ${values.join(' or ')}; got ${shown(issue.input)}${hint}`;
    }
    case 'too_small':
      return `must ${bound(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}`;
    case 'invalid_key':
      return `the name ${shown(issue.input)} is not allowed: ${issue.issues[0]?.message ?? 'it is malformed'}`;
    case 'invalid_union':
      return `has a value that is not allowed: ${shown(issue.input)}`;
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      return undefined;
  }
}

/** 'be at least 1', 'have at most 64 characters'. */
function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'string') return `have ${relation} ${limit} characters`;
  if (origin === 'array') return `have ${relation} ${limit} entries`;
  return `be ${relation} ${limit}`;
}

/** @throws QuorateError UNKNOWN_PARAMETER always */
function refuseUnknown(
  owner: string,
  { keys, path }: z.core.$ZodIssueUnrecognizedKeys,
  known: readonly string[] | undefined,
): never {
  const names = keys.map((key) => [...path, key].join('.'));
  const hint = didYouMean(keys[0]!, known ?? []);
  const takes = known?.length === 0 ? 'it takes no parameters' : `it takes ${known?.join(', ') ?? ''}`;
  throw new QuorateError(
    'UNKNOWN_PARAMETER',
    `${owner} has no parameter '${names.join("', '")}'${known ? `; ${takes}` : ''}${hint}`,
    { owner, parameter: names[0], unknown: names, ...(known ? { known } : {}) },
  );
}
