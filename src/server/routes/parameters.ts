/** Path and query parameters that several routes share, and paging. */
import * as z from 'zod';
import { type ErrorCode, QuorateError } from '../../errors.js';
import { nameSchema } from '../../protocol/names.js';

/** Schema of a parameter that is a whole number in plain decimal digits, up to 2⁵³ − 1. */
export const wholeNumber = (min: number, max: number, description: string) =>
  z
    .string()
    .regex(/^(0|[1-9][0-9]{0,15})$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`)
    .meta({ description, override: { type: 'integer', minimum: min, maximum: max } });

const roundNumber = wholeNumber(0, Number.MAX_SAFE_INTEGER, 'round number');

/** The parameters of `/…/:session`, `/…/:node` and their combinations with `:round`. */
export const sessionPath = z.strictObject({ session: nameSchema });
export const nodePath = z.strictObject({ node: nameSchema });
export const roundPath = z.strictObject({ session: nameSchema, round: roundNumber });
export const roundNodePath = z.strictObject({ session: nameSchema, round: roundNumber, node: nameSchema });

const DEFAULT_LIMIT = 100;

/** The query of a paged list of rounds. */
export const pageQuery = z.strictObject({
  from: wholeNumber(0, Number.MAX_SAFE_INTEGER, 'first round of the page').default(0),
  limit: wholeNumber(1, 1000, `maximum number of rounds per page; default ${DEFAULT_LIMIT}`).default(
    DEFAULT_LIMIT,
  ),
});

/** The `next` of a page. */
export const nextSchema = z.int().nullable().describe('`from` of the next page; null on the last page');

/** Turns a refusal with one of these codes into null; to be passed to `catch`. */
export const nullIf =
  (...codes: readonly ErrorCode[]) =>
  (error: unknown): null => {
    if (error instanceof QuorateError && codes.includes(error.code)) return null;
    throw error;
  };

/** A copy sorted by id. */
export const byId = <T extends { readonly id: string }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => (a.id < b.id ? -1 : 1));

/** Splits off a page. `items` must have been fetched with `limit + 1`, which shows whether another page follows. */
export function cutPage<T>(
  items: readonly T[],
  limit: number,
  numberOf: (item: T) => number,
): { page: readonly T[]; next: number | null } {
  return { page: items.slice(0, limit), next: items.length > limit ? numberOf(items[limit]!) : null };
}
