/**
 * A store in memory: nothing outlives the process, each update is held once, in a buffer of its own.
 *
 * The buffers of a round that is no longer kept are reused: the system would have to map every page of fresh ones, which
 * takes longer than copying the values, and each would bring the garbage collector closer.
 */
import { createHash } from 'node:crypto';
import { bytesOf } from '../../files/files.js';
import { EventRing } from '../eventRing.js';
import { MemoryRound } from './memoryRound.js';
import {
  outdatedCheckpoints,
  outdatedRound,
  parseRetention,
  type Retention,
  type RetentionOptions,
} from '../retention.js';
import { newestRound, requireNewAttempt, unknownRound, unknownUpdate } from '../roundChecks.js';
import type {
  Checkpoint,
  CheckpointSummary,
  RoundHeader,
  RoundStore,
  SessionStore,
  Store,
} from '../store.js';

/**
 * Makes a store in memory.
 *
 * @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER
 * @example
 * const store = memoryStore({ keepRounds: 0 });
 */
export function memoryStore(options: RetentionOptions = {}): Store {
  const retention = parseRetention('memoryStore', options);
  const sessions = new Map<string, MemorySession>();
  return {
    kind: 'memory',
    nodes: [],
    sessions: [],
    damages: [],
    events: new EventRing(retention.keepEvents),
    evaluations: () => null,
    async record() {
      // What the journal is for, a restart, does not happen to this store.
    },
    async session(id) {
      const session = sessions.get(id) ?? new MemorySession(retention);
      sessions.set(id, session);
      return session;
    },
    async setAside(id) {
      sessions.delete(id); // nothing of it outlives the process anyway
    },
    async removeSession(id) {
      sessions.delete(id);
    },
    async close() {
      sessions.clear();
    },
  };
}

interface Kept {
  readonly checkpoint: Checkpoint;
  summary: CheckpointSummary | null;
}

class MemorySession implements SessionStore {
  readonly #retention: Retention;
  /** By round, ascending. */
  #checkpoints: Kept[] = [];
  readonly #rounds = new Set<MemoryRound>();
  /** Of the round that was forgotten last. */
  #spare: Uint8Array<ArrayBuffer>[] = [];

  constructor(retention: Retention) {
    this.#retention = retention;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const others = this.#checkpoints.filter((kept) => kept.checkpoint.round !== checkpoint.round);
    const all = [...others, { checkpoint, summary: null }].sort(
      (a, b) => a.checkpoint.round - b.checkpoint.round,
    );
    const rounds = all.map((kept) => kept.checkpoint.round);
    const outdated = outdatedCheckpoints(rounds, this.#retention);
    this.#checkpoints = all.filter((kept) => !outdated.includes(kept.checkpoint.round));
    this.#forgetRounds();
  }

  async checkpoints(): Promise<readonly CheckpointSummary[]> {
    return this.#checkpoints.map((kept) => (kept.summary ??= summaryOf(kept.checkpoint)));
  }

  async readCheckpoint(round?: number): Promise<Checkpoint> {
    const wanted = round ?? newestRound(this.#checkpoints.map((kept) => kept.checkpoint.round));
    const found = this.#checkpoints.find((kept) => kept.checkpoint.round === wanted);
    if (!found) throw unknownRound(wanted);
    return found.checkpoint;
  }

  async openRound(header: RoundHeader): Promise<RoundStore> {
    requireNewAttempt(
      header,
      [...this.#rounds].some(
        ({ header: other }) => other.round === header.round && other.attempt === header.attempt,
      ),
    );
    const round = new MemoryRound(header, {
      buffer: (sizeBytes) => this.#buffer(sizeBytes),
      closed: () => this.#forgetRounds(),
      discarded: (discarded) => void this.#rounds.delete(discarded),
    });
    this.#rounds.add(round);
    return round;
  }

  async recoverRound(): Promise<null> {
    return null;
  }

  async readUpdate(number: number, node: string): ReturnType<SessionStore['readUpdate']> {
    if (number > this.#committed) throw unknownRound(number);
    const round = [...this.#rounds].find(({ header, sealed }) => header.round === number && sealed);
    if (!round) throw unknownRound(number);
    if (!round.sealed?.includes(node)) throw unknownUpdate(number, node);
    return { update: round.update(node), bytes: round.read(node) };
  }

  get #committed(): number {
    return this.#checkpoints.at(-1)?.checkpoint.round ?? -1;
  }

  #forgetRounds(): void {
    for (const round of this.#rounds) {
      if (round.isClosed && outdatedRound(round.header.round, this.#committed, this.#retention)) {
        this.#rounds.delete(round);
        this.#spare = round.release();
      }
    }
  }

  /** Not zeroed, for every byte is written before anyone reads one. */
  #buffer(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const spare = this.#spare.pop();
    return spare?.length === sizeBytes ? spare : Buffer.allocUnsafeSlow(sizeBytes);
  }
}

function summaryOf({ round, createdAtMs, model, optimizer }: Checkpoint): CheckpointSummary {
  const vectors = Object.values(optimizer?.vectors ?? {});
  return {
    round,
    createdAtMs,
    sizeBytes: vectors.reduce((sum, vector) => sum + vector.byteLength, model.byteLength),
    modelDigest: createHash('sha256').update(bytesOf(model)).digest('hex'),
  };
}
