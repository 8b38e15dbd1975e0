/**
 * The updates of the round that is under way. Opening its place may fail, when the disk is full say: that does not end
 * the round, for the next who needs the place tries again.
 */
import { QuorateError } from '../../errors.js';
import type { RoundState } from '../../rounds/machine.js';
import type { RoundStore, SessionStore } from '../../store/store.js';

export class RoundHandle {
  private readonly open: () => Promise<RoundStore>;
  private opening: Promise<RoundStore> | null = null;

  /** @param open makes the place, or hands over the one that was found after a restart */
  constructor(open: () => Promise<RoundStore>) {
    this.open = open;
  }

  /** @throws QuorateError STORE_FULL, STORE_FAILED */
  async ready(): Promise<RoundStore> {
    const opening = (this.opening ??= this.open());
    try {
      return await opening;
    } catch (error) {
      if (this.opening === opening) this.opening = null;
      throw error;
    }
  }

  /** Nothing more is written; what is here stays. */
  async close(): Promise<void> {
    const store = await this.opened();
    await store?.close();
  }

  async discard(): Promise<void> {
    const store = await this.opened();
    await store?.discard();
  }

  private async opened(): Promise<RoundStore | null> {
    return this.opening?.catch(() => null) ?? null;
  }
}

/** An update as it came, wherever its round is. */
export interface StoredUpdate {
  /** SHA-256 of its float32 bytes, in hex; null where none was taken. */
  readonly digest: string | null;
  /** Float32, little-endian. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

interface Places {
  readonly store: SessionStore;
  readonly open: RoundState;
  readonly file: RoundHandle | null;
}

/** @throws QuorateError UNKNOWN_ROUND, UNKNOWN_UPDATE, CORRUPT_FILE */
export async function storedUpdate(
  { store, open, file }: Places,
  round: number,
  node: string,
): Promise<StoredUpdate> {
  const isOpen = (open.phase === 'collecting' || open.phase === 'aggregating') && open.number === round;
  if (!isOpen || !file) {
    const { update, bytes } = await store.readUpdate(round, node);
    return { digest: update.digest, bytes };
  }
  if (!Object.hasOwn(open.accepted, node)) {
    throw new QuorateError('UNKNOWN_UPDATE', `round ${round} has no update of ${node}`, { round, node });
  }
  return { digest: open.accepted[node]!.digest, bytes: (await file.ready()).read(node) };
}
