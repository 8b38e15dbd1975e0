/** A store in memory whose writes a test holds up or refuses. */
import { memoryStore } from '../../../src/store/memory/memoryStore.js';
import type { RoundStore, SessionStore, Store } from '../../../src/store/store.js';

/** `committed`: an update is durable, and not yet announced. */
export type Write = 'record' | 'openRound' | 'abort' | 'commit' | 'committed' | 'seal' | 'writeCheckpoint';

/** Called before each write, which waits for it and fails as it does. */
export type BeforeWrite = (write: Write, session: string) => Promise<void>;

export function faultyStore(before: BeforeWrite, store: Store = memoryStore()): Store {
  const { kind, nodes, sessions, events } = store;
  return {
    kind,
    nodes,
    sessions,
    get damages() {
      return store.damages;
    },
    events,
    evaluations: (id) => store.evaluations(id),
    async record(record) {
      await before('record', record.type === 'session' ? record.session.id : '');
      await store.record(record);
    },
    session: async (id) => faultySession(id, before, await store.session(id)),
    setAside: (id) => store.setAside(id),
    removeSession: (id) => store.removeSession(id),
    close: () => store.close(),
  };
}

function faultySession(id: string, before: BeforeWrite, store: SessionStore): SessionStore {
  return {
    writeCheckpoint: async (checkpoint) => {
      await before('writeCheckpoint', id);
      await store.writeCheckpoint(checkpoint);
    },
    openRound: async (header, readTime) => {
      await before('openRound', id);
      return faultyRound(id, before, await store.openRound(header, readTime));
    },
    checkpoints: () => store.checkpoints(),
    readCheckpoint: (round) => store.readCheckpoint(round),
    recoverRound: (d) => store.recoverRound(d),
    readUpdate: (round, node) => store.readUpdate(round, node),
  };
}

function faultyRound(id: string, before: BeforeWrite, store: RoundStore): RoundStore {
  return {
    get header() {
      return store.header;
    },
    get updates() {
      return store.updates;
    },
    get sealed() {
      return store.sealed;
    },
    get time() {
      return store.time;
    },
    keepTime: (read) => store.keepTime(read),
    reserve: async (node, isDigested) => {
      const slot = await store.reserve(node, isDigested);
      return {
        write: (bytes) => slot.write(bytes),
        abort: async () => {
          await before('abort', id);
          await slot.abort();
        },
        commit: async (update) => {
          await before('commit', id);
          await slot.commit(update);
          await before('committed', id);
        },
      };
    },
    seal: async (nodes) => {
      await before('seal', id);
      await store.seal(nodes);
    },
    rows: (nodes) => store.rows(nodes),
    read: (node) => store.read(node),
    close: () => store.close(),
    discard: () => store.discard(),
  };
}
