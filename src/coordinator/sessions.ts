/** All sessions: made, found again after a restart, removed. What goes wrong in one is no matter of the others. */
import { QuorateError } from '../errors.js';
import type { Checkpoint, SessionEntry, SessionStore, Store } from '../store/store.js';
import type { Nodes } from './nodes.js';
import { type SessionPlan, planSession } from './session/sessionPlan.js';
import { Session, type SessionDependencies } from './session/session.js';
import { KeyedMutex } from '../core/keyedMutex.js';
import { Uploads, type UploadsOptions } from './ingest/uploads.js';

export interface SessionsOptions extends SessionDependencies, UploadsOptions {
  readonly store: Store;
  readonly nodes: Nodes;
}

interface Held {
  readonly session: Session;
  readonly uploads: Uploads;
}

export class Sessions {
  private readonly options: SessionsOptions;
  private readonly held = new Map<string, Held>();
  /** Why a session of the store could not be restored. */
  private readonly broken = new Map<string, QuorateError>();
  private readonly turns = new KeyedMutex();

  constructor(options: SessionsOptions) {
    this.options = options;
  }

  list(): readonly Session[] {
    return [...this.held.values()].map(({ session }) => session);
  }

  /** @throws QuorateError UNKNOWN_SESSION */
  get(id: string): Session {
    return this.require(id).session;
  }

  /** @throws QuorateError UNKNOWN_SESSION */
  uploads(id: string): Uploads {
    return this.require(id).uploads;
  }

  /**
   * The same again is the session that there is.
   *
   * @throws QuorateError SESSION_EXISTS, what planSession throws, STORE_FULL, STORE_FAILED
   */
  async create(given: unknown): Promise<Session> {
    const plan = planSession(given);
    const { id } = plan.config;
    return this.turns.run(id, async () => {
      const known = this.held.get(id);
      if (known) return sameSession(known.session, plan);
      this.refuseBroken(id);
      const { clock, record, store, announce } = this.options;
      const createdAtMs = clock.toWall(clock.now());
      const entry: SessionEntry = { id, config: plan.config, createdAtMs, status: 'created', reason: null };
      await store.setAside(id); // what a removal that failed may have left
      const own = await store.session(id);
      await record({ type: 'session', session: entry });
      const { session } = this.hold(entry, plan, own, null);
      announce({ type: 'session-created', session: id });
      for (const { id: node, present } of this.options.nodes.of(id)) session.presence(node, present);
      return session;
    });
  }

  /** Its updates, checkpoints and rounds go too. @throws QuorateError UNKNOWN_SESSION, STORE_FULL, STORE_FAILED */
  async remove(id: string): Promise<void> {
    await this.turns.run(id, async () => {
      const { store, announce } = this.options;
      const held = this.held.get(id);
      if (!held && !this.broken.has(id)) throw unknownSession(id);
      if (held) await closeHeld(held); // first, so that it records nothing after its removal
      try {
        await store.record({ type: 'session-removed', id });
      } catch (error) {
        if (held) await this.restoreOne(held.session.entry);
        throw error;
      }
      this.held.delete(id);
      this.broken.delete(id);
      await store.removeSession(id);
      announce({ type: 'session-removed', session: id });
    });
  }

  /** What the store has. A session that can't go on is left as it is, for others to look at. */
  async restore(): Promise<void> {
    const { store, onError } = this.options;
    for (const entry of store.sessions) {
      try {
        await this.restoreOne(entry);
      } catch (error) {
        onError(error, { session: entry.id });
        this.broken.set(entry.id, restoringFailed(entry.id, error));
      }
    }
  }

  presence(node: string, present: boolean, sessions: readonly string[]): void {
    for (const id of sessions) this.held.get(id)?.session.presence(node, present);
  }

  removed(node: string, sessions: readonly string[]): void {
    for (const id of sessions) void this.held.get(id)?.session.send({ type: 'node-removed', node });
  }

  async close(): Promise<void> {
    await this.turns.idle();
    await Promise.all([...this.held.values()].map(closeHeld));
  }

  private async restoreOne(entry: SessionEntry): Promise<void> {
    const plan = planSession(entry.config);
    const own = await this.options.store.session(entry.id);
    const checkpoint = await newestCheckpoint(own, entry);
    const started = await asStarted(entry, own, checkpoint);
    const { session } = this.hold(started, plan, own, checkpoint, entry.status);
    await session.recover();
  }

  private hold(
    entry: SessionEntry,
    plan: SessionPlan,
    store: SessionStore,
    checkpoint: Checkpoint | null,
    recordedStatus = entry.status,
  ): Held {
    const nodes = this.options.nodes.of(entry.id).map(({ id }) => id);
    const evaluations = this.options.store.evaluations(entry.id);
    const session = new Session(
      { entry, recordedStatus, plan, store, checkpoint, evaluations, nodes },
      this.options,
    );
    const held = { session, uploads: new Uploads(session, this.options) };
    this.held.set(entry.id, held);
    return held;
  }

  private require(id: string): Held {
    const held = this.held.get(id);
    if (held) return held;
    this.refuseBroken(id);
    throw unknownSession(id);
  }

  private refuseBroken(id: string): void {
    const error = this.broken.get(id);
    if (error) throw error;
  }
}

const unknownSession = (id: string): QuorateError =>
  new QuorateError('UNKNOWN_SESSION', `there is no session ${id}`, { session: id });

function restoringFailed(id: string, error: unknown): QuorateError {
  const code = error instanceof QuorateError ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  return new QuorateError(code, `session ${id} can't go on: ${message}`, { session: id }, error);
}

async function closeHeld({ session, uploads }: Held): Promise<void> {
  session.beginClosing();
  await uploads.close();
  await session.close();
}

/**
 * Null: there is no model yet. A damaged one is not passed over for the one before it: going back is for people to
 * decide, who remove the file.
 *
 * @throws QuorateError CORRUPT_FILE, STORE_FAILED
 */
async function newestCheckpoint(
  store: SessionStore,
  { id, status }: SessionEntry,
): Promise<Checkpoint | null> {
  try {
    return await store.readCheckpoint();
  } catch (error) {
    if (!(error instanceof QuorateError) || error.code !== 'UNKNOWN_ROUND') throw error;
  }
  if (status !== 'running' && status !== 'paused') return null;
  throw new QuorateError('CORRUPT_FILE', `session ${id} has no checkpoint any more`, { session: id });
}

/**
 * A session that was started opens its round at once; a crash may come before the start is in the journal, and updates
 * may have been acknowledged by then. The round's file shows it.
 */
async function asStarted(
  entry: SessionEntry,
  store: SessionStore,
  checkpoint: Checkpoint | null,
): Promise<SessionEntry> {
  if (entry.status !== 'created' || checkpoint === null) return entry;
  const underWay = await store.recoverRound(checkpoint.model.length);
  await underWay?.close();
  return checkpoint.round > 0 || underWay ? { ...entry, status: 'running' } : entry;
}

/** @throws QuorateError SESSION_EXISTS */
function sameSession(known: Session, { config }: SessionPlan): Session {
  if (JSON.stringify(known.plan.config) === JSON.stringify(config)) return known;
  throw new QuorateError(
    'SESSION_EXISTS',
    `a session named '${config.id}' already exists, with another configuration`,
    {
      session: config.id,
    },
  );
}
