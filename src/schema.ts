/** Checks unknown data against a schema, and reports the first problem as a QuorateError. */
import * as z from 'zod';
import { QuorateError } from './errors.js';

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
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issues = leaves(parsed.error.issues);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const isTop = issue.path.length === 0 && schema instanceof z.ZodObject;
    refuseUnknown(owner, issue, isTop ? Object.keys(schema.shape) : undefined);
  }
  const { path, message } = issues[0]!;
  const parameter = path.join('.');
  const where = parameter === '' ? '' : `${parameter}: `;
  throw new QuorateError('INVALID_PARAMETER', `${owner}: ${where}${message}`, { owner, parameter });
}

/** @throws QuorateError UNKNOWN_PARAMETER always */
function refuseUnknown(
  owner: string,
  { keys, path }: z.core.$ZodIssueUnrecognizedKeys,
  known: readonly string[] | undefined,
): never {
  const names = keys.map((key) => [...path, key].join('.'));
  const takes = known?.length === 0 ? 'it takes no parameters' : `it takes ${known?.join(', ') ?? ''}`;
  throw new QuorateError(
    'UNKNOWN_PARAMETER',
    `${owner} has no parameter '${names.join("', '")}'${known ? `; ${takes}` : ''}`,
    { owner, parameter: names[0], unknown: names, ...(known ? { known } : {}) },
  );
}
