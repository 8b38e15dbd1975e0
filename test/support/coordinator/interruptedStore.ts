/** Stores of which parts are replaced, as a crash would leave them. */
import type { EventLog, Store } from '../../../src/store/store.js';

/** The store with these parts in the place of its own. */
export const partly = (store: Store, parts: Partial<Store>): Store => ({
  kind: store.kind,
  nodes: store.nodes,
  sessions: store.sessions,
  damages: store.damages,
  events: store.events,
  evaluations: (session) => store.evaluations(session),
  record: (record) => store.record(record),
  session: (id) => store.session(id),
  setAside: (id) => store.setAside(id),
  removeSession: (id) => store.removeSession(id),
  close: () => store.close(),
  ...parts,
});

/** As if the process had been killed before it could write events of these types. */
export const deaf = (log: EventLog, types: readonly unknown[]): EventLog => ({
  get first() {
    return log.first;
  },
  get last() {
    return log.last;
  },
  since: (number, limit) => log.since(number, limit),
  append: (atMs, body) =>
    types.includes(body.type) ? { number: log.last + 1, atMs, body } : log.append(atMs, body),
});
