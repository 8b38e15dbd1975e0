/**
 * The nodes: who is registered, for which sessions, with what token, and who is there. A registration and a heartbeat
 * are signs of life; after a restart a node counts as there once it gives one.
 *
 * A heartbeat touches no timer: the one of each node finds out, when it fires, how long the node was silent.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { KeyedMutex } from '../core/keyedMutex.js';
import { QuorateError } from '../errors.js';
import { MAX_SESSIONS_PER_NODE, newToken } from '../protocol/names.js';
import { nodeRegistrationSchema, type NodeRegistration, type NodeView } from '../protocol/views.js';
import { parse } from '../schema.js';
import { type Heartbeat, type NodeStatus, nodeStatus, statusChangesAtMs } from '../rounds/machine.js';
import type { NodeEntry, Store } from '../store/store.js';
import type { Clock } from '../core/clock.js';

export interface NodesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly heartbeat: Heartbeat;
  /** Whether nodes get tokens. */
  readonly tokens: boolean;
  /** How many may be registered at a time. */
  readonly maxNodes: number;
  readonly announce: (body: Readonly<Record<string, unknown>>) => void;
  /** A node came or went, or takes part in more sessions than before. */
  readonly onPresence: (node: string, present: boolean, sessions: readonly string[]) => void;
}

interface Member {
  entry: NodeEntry;
  /** On the steady clock. */
  lastSeenMs: number;
  /** Whether it gave a sign of life after its registration, or after a restart. */
  heard: boolean;
  /** As it was announced. */
  status: NodeStatus;
  /** As its sessions know it. */
  present: boolean;
  /** Ends the timer that is set; null: none is. */
  cancelTimer: (() => void) | null;
}

export class Nodes {
  private readonly options: NodesOptions;
  private readonly members = new Map<string, Member>();
  /** Node ids by the hashes of their tokens. */
  private readonly owners = new Map<string, string>();
  private readonly turns = new KeyedMutex();
  /** New nodes that are being recorded. */
  private joining = 0;

  constructor(options: NodesOptions) {
    this.options = options;
    for (const entry of options.store.nodes) this.watch(this.add(entry));
  }

  all(): readonly NodeView[] {
    return [...this.members.values()].map((member) => this.view(member));
  }

  /** @throws QuorateError UNKNOWN_NODE */
  get(id: string): NodeView {
    return this.view(this.require(id));
  }

  /** @throws QuorateError UNKNOWN_NODE if it isn't registered, or not for this session */
  requireIn(id: string, session: string): void {
    if (this.require(id).entry.sessions.includes(session)) return;
    throw new QuorateError('UNKNOWN_NODE', `${id} does not take part in session ${session}`, {
      node: id,
      session,
    });
  }

  /** Ids, and whether each is there. */
  of(session: string): readonly { readonly id: string; readonly present: boolean }[] {
    return [...this.members.values()]
      .filter(({ entry }) => entry.sessions.includes(session))
      .map(({ entry, present }) => ({ id: entry.id, present }));
  }

  /**
   * Registers a node, or recognizes one that comes back, which may take part in more sessions now.
   *
   * @returns the token only where it is new, or was sent
   * @throws QuorateError NODE_EXISTS if its public key or its token is another one; TOO_MANY_NODES; INVALID_PARAMETER,
   *   UNKNOWN_PARAMETER; STORE_FULL, STORE_FAILED
   */
  async register(
    given: NodeRegistration,
  ): Promise<{ node: NodeView; token: string | null; created: boolean }> {
    const registration = parse('registerNode', nodeRegistrationSchema, given);
    return this.turns.run(registration.id, async () => {
      const known = this.members.get(registration.id);
      if (known && known.entry.publicKey !== registration.publicKey) {
        throw nodeExists(registration.id);
      }
      const token = this.tokenFor(registration, known?.entry);
      const entry = this.entryOf(registration, known?.entry, token);
      const same = known && JSON.stringify(known.entry) === JSON.stringify(entry);
      if (!same) await this.record(entry, !known);
      const member = known ? this.changed(known, entry) : this.joined(entry);
      return { node: this.view(member), token, created: !known };
    });
  }

  /** The node that a token belongs to; null: none. */
  ownerOf(token: string): string | null {
    const hash = hashOfToken(token);
    const id = this.owners.get(hash);
    const known = id === undefined ? undefined : this.members.get(id)?.entry.tokenHash;
    return id !== undefined && known && sameHash(known, hash) ? id : null;
  }

  /** @throws QuorateError UNKNOWN_NODE */
  heartbeat(id: string): NodeView {
    const member = this.require(id);
    this.sight(member);
    return this.view(member);
  }

  /**
   * @returns the sessions that it took part in
   * @throws QuorateError UNKNOWN_NODE, STORE_FULL, STORE_FAILED
   */
  remove(id: string): Promise<readonly string[]> {
    return this.turns.run(id, async () => {
      const member = this.require(id);
      await this.options.store.record({ type: 'node-removed', id });
      member.cancelTimer?.();
      this.members.delete(id);
      if (member.entry.tokenHash) this.owners.delete(member.entry.tokenHash);
      this.options.announce({ type: 'node-removed', node: id });
      return member.entry.sessions;
    });
  }

  /** Stops the timers, and waits for what is being recorded. */
  async close(): Promise<void> {
    await this.turns.idle();
    for (const { cancelTimer } of this.members.values()) cancelTimer?.();
  }

  /** @throws QuorateError TOO_MANY_NODES, STORE_FULL, STORE_FAILED */
  private async record(entry: NodeEntry, isNew: boolean): Promise<void> {
    const { store, maxNodes } = this.options;
    if (isNew && this.members.size + this.joining >= maxNodes) {
      const message = `${maxNodes} nodes are registered, as many as may be`;
      throw new QuorateError('TOO_MANY_NODES', message, { most: maxNodes });
    }
    if (isNew) this.joining++;
    try {
      await store.record({ type: 'node', node: entry });
    } finally {
      if (isNew) this.joining--;
    }
  }

  private require(id: string): Member {
    const member = this.members.get(id);
    if (member) return member;
    throw new QuorateError('UNKNOWN_NODE', `there is no node ${id}`, { node: id });
  }

  /**
   * The one that the node chose, or a new one; null: none is asked for, or the node has it.
   *
   * @throws QuorateError NODE_EXISTS if the node has another one, or another node has this one
   */
  private tokenFor({ id, token }: NodeRegistration, known: NodeEntry | undefined): string | null {
    if (!this.options.tokens) return null;
    const hasToken = typeof known?.tokenHash === 'string';
    if (token === undefined) return hasToken ? null : newToken();
    if (this.ownerOf(token) !== (hasToken ? id : null)) throw nodeExists(id);
    return token;
  }

  private entryOf(
    { id, sessions, capabilities, publicKey }: NodeRegistration,
    known: NodeEntry | undefined,
    token: string | null,
  ): NodeEntry {
    const all = [...new Set([...(known?.sessions ?? []), ...sessions])].sort();
    if (all.length > MAX_SESSIONS_PER_NODE) {
      const message = `${id} would take part in ${all.length} sessions; at most ${MAX_SESSIONS_PER_NODE} are possible`;
      throw new QuorateError('INVALID_PARAMETER', message, { parameter: 'sessions' });
    }
    return {
      id,
      tokenHash: token === null ? (known?.tokenHash ?? null) : hashOfToken(token),
      publicKey,
      capabilities,
      sessions: all,
      registeredAtMs: known?.registeredAtMs ?? this.wallMs(this.options.clock.now()),
    };
  }

  private add(entry: NodeEntry): Member {
    const lastSeenMs = this.options.clock.now();
    const member: Member = {
      entry,
      lastSeenMs,
      heard: false,
      status: 'joined',
      present: false,
      cancelTimer: null,
    };
    this.members.set(entry.id, member);
    if (entry.tokenHash) this.owners.set(entry.tokenHash, entry.id);
    return member;
  }

  private joined(entry: NodeEntry): Member {
    const member = this.add(entry);
    this.options.announce({ type: 'node-status', node: entry.id, status: 'joined' });
    this.watch(member);
    this.arrive(member);
    return member;
  }

  /** A node that registers again. */
  private changed(member: Member, entry: NodeEntry): Member {
    const more = entry.sessions.filter((session) => !member.entry.sessions.includes(session));
    member.entry = entry;
    if (entry.tokenHash) this.owners.set(entry.tokenHash, entry.id);
    if (member.present && more.length > 0) this.options.onPresence(entry.id, true, more);
    this.sight(member);
    return member;
  }

  /** A sign of life. */
  private sight(member: Member): void {
    member.lastSeenMs = this.options.clock.now();
    member.heard = true;
    this.watch(member);
    if (!member.present) this.arrive(member);
  }

  private arrive(member: Member): void {
    member.present = true;
    this.options.onPresence(member.entry.id, true, member.entry.sessions);
  }

  /** Announces what it has become, and looks again when that may change. */
  private watch(member: Member): void {
    const { clock, heartbeat } = this.options;
    const sighting = { lastSeenMs: member.lastSeenMs, heard: member.heard };
    const status = nodeStatus(sighting, heartbeat, clock.now());
    if (status !== member.status) this.become(member, status);
    const changesAtMs = statusChangesAtMs(sighting, heartbeat, clock.now());
    if (member.cancelTimer !== null || changesAtMs === null) return;
    member.cancelTimer = clock.at(changesAtMs, () => {
      member.cancelTimer = null;
      this.watch(member);
    });
  }

  private become(member: Member, status: NodeStatus): void {
    const { id, sessions } = member.entry;
    member.status = status;
    this.options.announce({ type: 'node-status', node: id, status });
    if (status !== 'lost') return;
    member.present = false; // also of one that was awaited since a restart
    this.options.onPresence(id, false, sessions);
  }

  private wallMs(atMs: number): number {
    return Math.round(this.options.clock.toWall(atMs));
  }

  private view({ entry, status, lastSeenMs }: Member): NodeView {
    const { id, sessions, capabilities, publicKey, registeredAtMs } = entry;
    return {
      id,
      status,
      sessions: [...sessions],
      capabilities: capabilities as NodeView['capabilities'],
      publicKey,
      registeredAtMs,
      lastSeenMs: this.wallMs(lastSeenMs),
      heartbeatMs: this.options.heartbeat.heartbeatMs,
    };
  }
}

const nodeExists = (id: string): QuorateError =>
  new QuorateError('NODE_EXISTS', `there is another node ${id}`, { node: id });

/** Tokens are kept as their SHA-256. Their 256 random bits need no salt and no slow hash: they can't be searched. */
export const hashOfToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** In constant time: the time that it takes does not reveal where they differ. */
export function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')];
  return left.length === right.length && timingSafeEqual(left, right);
}
