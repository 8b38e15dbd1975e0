/** Parts of addresses and queries that several routes have. */
import { z } from 'zod';
import { nameSchema } from '../../protocol/names.js';

const whole = (min: number, max: number, description: string) =>
  z
    .string()
    .regex(/^(0|[1-9][0-9]{0,8})$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`)
    .meta({ description, override: { type: 'integer', minimum: min, maximum: max } });

const roundNumber = whole(0, 999_999_999, 'number of a round');

export const sessionPath = z.strictObject({ session: nameSchema });
export const nodePath = z.strictObject({ node: nameSchema });
export const roundPath = z.strictObject({ session: nameSchema, round: roundNumber });
export const roundNodePath = z.strictObject({ session: nameSchema, round: roundNumber, node: nameSchema });

export const wholeNumberParameter = whole;

const PAGE = 100;

export const pageQuery = z.strictObject({
  from: whole(0, 999_999_999, 'number of the first round').default(0),
  limit: whole(1, 1000, `max rounds of a page; default ${PAGE}`).default(PAGE),
});

/** Where the next page begins. */
export const nextSchema = z.int().nullable().describe('`from` of the next page; null: there is none');

/** In the order of their ids, whatever order they came in. */
export const byId = <T extends { readonly id: string }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => (a.id < b.id ? -1 : 1));

/** One more than the page holds is asked for, to know whether another follows. */
export function cutPage<T>(
  items: readonly T[],
  limit: number,
  numberOf: (item: T) => number,
): { page: readonly T[]; next: number | null } {
  return { page: items.slice(0, limit), next: items.length > limit ? numberOf(items[limit]!) : null };
}
