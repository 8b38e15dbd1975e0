/**
 * Some announcements are durable before they are made, with what they announce: in a checkpoint, or in the journal. A
 * crash may come in between, or between two of them. Beside them stands the number of the newest event at that time, so
 * that a restart finds in the event log which of them were made: right behind that number, or nowhere.
 */
import type { Announcement } from '../../rounds/machine.js';
import type { EventLog, NumberedEvent } from '../../store/store.js';

/** Announcements of a session, in order, of which a crash may have prevented the last ones. */
export interface Unconfirmed {
  readonly announcements: readonly Announcement[];
  /** The event log had so many events before the first of them could be made. */
  readonly eventsBefore: number;
}

/** Read at once. If they were made, the first page has them, unless other sessions were busy at that very time. */
const PAGE = 64;

/**
 * Those that were not made. If the log does not reach back so far, they are long past, or its damaged part was set
 * aside: then none are made again.
 */
export function unannounced(
  log: Pick<EventLog, 'first' | 'since'>,
  session: string,
  { announcements, eventsBefore }: Unconfirmed,
): readonly Announcement[] {
  if (log.first > eventsBefore + 1) return [];
  let made = 0;
  for (let number = eventsBefore; made < announcements.length;) {
    const page = log.since(number, PAGE);
    for (const event of page)
      if (made < announcements.length && is(event, session, announcements[made]!)) made++;
    if (page.length === 0) break;
    number = page.at(-1)!.number;
  }
  return announcements.slice(made);
}

/** Values may have changed on their way through JSON; these can't. */
function is({ body }: NumberedEvent, session: string, announcement: Announcement): boolean {
  return (
    body.session === session &&
    (['type', 'round', 'node', 'status'] as const).every(
      (key) => body[key] === (announcement as Readonly<Record<string, unknown>>)[key],
    )
  );
}
