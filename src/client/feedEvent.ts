/** The messages of the event socket, as far as a node needs them. */
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
/** The event types that a node subscribes to. Those about single updates are left out: with many nodes they dominate. */
export const feedTypes: readonly string[] = feedEventSchema.options.map(({ shape }) => shape.type.value);

/** An event that a node acts on. */
export type FeedEvent = z.output<typeof feedEventSchema>;

const numberedSchema = z.looseObject({ number: z.int(), type: z.string(), session: z.string().nullish() });
const helloSchema = z.looseObject({ type: z.literal('hello'), first: z.int(), last: z.int() });

/** A message of the event socket. */
export type FeedMessage =
  | { readonly kind: 'hello'; readonly first: number; readonly last: number }
  /** `event` is null for types that a node does not need. */
  | {
      readonly kind: 'event';
      readonly number: number;
      readonly session: string | null;
      readonly event: FeedEvent | null;
    };

/** Parses a message; null if it does not follow the protocol. */
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
