/** Checks data of unknown origin against a schema, and says what is wrong with it in Quorate's own terms. */
import { z } from 'zod';
import { QuorateError } from './errors.js';

type Issue = z.core.$ZodIssue;

/** Of an alternative that was not even meant: another kind of value altogether. */
const isElsewhere = (issue: Issue): boolean => issue.path.length === 0 && issue.code !== 'unrecognized_keys';

/** The issues themselves; those of a union are in the one alternative that the value looks like, if there is one. */
function leaves(issues: readonly Issue[], path: readonly PropertyKey[] = []): Issue[] {
  return issues.flatMap((issue): Issue[] => {
    const whole = { ...issue, path: [...path, ...issue.path] };
    if (issue.code !== 'invalid_union') return [whole];
    const meant = issue.errors.filter((alternative) => !alternative.some(isElsewhere));
    return meant.length === 1 ? leaves(meant[0]!, whole.path) : [whole];
  });
}

/**
 * @param owner whose data they are, for the message
 * @returns what the schema makes of them, defaults filled in
 * @throws QuorateError UNKNOWN_PARAMETER (first, for a misspelling often leaves another one missing), with the names in
 *   `details.unknown`; INVALID_PARAMETER; where it is in `details.parameter`: 'mode.buffered.bufferSize'
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
