/** The messages of the event socket, as far as a node needs them. Others may come and are passed over. */
import * as z from 'zod';
import { sessionStatusSchema } from '../protocol/views.js';

const round = z.int();

const feedEventSchema = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('session-status'),
    status: sessionStatusSchema,
    reason: z.string().nullable(),
  }),
  z.looseObject({
    type: z.literal('round-opened'),
    round,
    attempt: z.int(),
    asked: z.array(z.string()).nullable(),
  }),
  z.looseObject({ type: z.literal('round-closed'), round }),
  z.looseObject({ type: z.literal('round-committed'), round }),
  z.looseObject({ type: z.literal('round-failed'), round, attempt: z.int() }),
  z.looseObject({ type: z.literal('node-excluded'), node: z.string() }),
]);
/** What a node asks the server for: how often others' updates come is none of its business, and much to be told of. */
export const feedTypes: readonly string[] = feedEventSchema.options.map(({ shape }) => shape.type.value);

export type FeedEvent = z.output<typeof feedEventSchema>;

const numberedSchema = z.looseObject({ number: z.int(), type: z.string(), session: z.string().nullish() });
const helloSchema = z.looseObject({ type: z.literal('hello'), first: z.int(), last: z.int() });

export type FeedMessage =
  | { readonly kind: 'hello'; readonly first: number; readonly last: number }
  /** `event` is null where a node has no use for it. */
  | {
      readonly kind: 'event';
      readonly number: number;
      readonly session: string | null;
      readonly event: FeedEvent | null;
    };

/** Null: it is no message of the protocol. */
export function readMessage(text: string): FeedMessage | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  const hello = helloSchema.safeParse(message).data;
  if (hello) return { kind: 'hello', first: hello.first, last: hello.last };
  const numbered = numberedSchema.safeParse(message).data;
  if (!numbered) return null;
  const event = feedEventSchema.safeParse(message).data ?? null;
  return { kind: 'event', number: numbered.number, session: numbered.session ?? null, event };
}
