import { QuorateError } from '../../errors.js';
import { type AttemptId, holdsUpdates, type RoundState } from '../../rounds/machine.js';
import type { RoundStore, SessionStore } from '../../store/store.js';

/**
 * The file of the attempt that is under way. Opening it may fail, if the disk is full say. This does not end the round:
 * the next caller that needs the file tries again.
 */
export class RoundHandle {
  readonly attempt: AttemptId;
  private readonly open: () => Promise<RoundStore>;
  private opening: Promise<RoundStore> | null = null;
  private ending: Promise<unknown> = Promise.resolve();

  /** @param open makes the file, or returns the one that was found after a restart */
  constructor(attempt: AttemptId, open: () => Promise<RoundStore>) {
    this.attempt = attempt;
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

  /** Decides durably which updates are in. @throws QuorateError as RoundStore.seal; STORE_FULL, STORE_FAILED */
  seal(nodes: readonly string[]): Promise<RoundStore> {
    const sealing = this.ready().then(async (store) => {
      await store.seal(nodes);
      return store;
    });
    this.ending = sealing;
    return sealing;
  }

  /**
   * Resolves once it is durable which updates are in, or that none are, if this is being decided. A refusal of an update
   * that is in the file must wait for it: a crash before would bring the update back with the round. Never throws.
   */
  async decided(): Promise<void> {
    await Promise.allSettled([this.ending]);
  }

  /** Nothing more is written; acknowledged updates stay. */
  async close(): Promise<void> {
    const store = await this.opened();
    await store?.close();
  }

  /** Removes the file. */
  discard(): Promise<void> {
    const discarding = this.opened().then((store) => store?.discard());
    this.ending = discarding;
    return discarding;
  }

  private async opened(): Promise<RoundStore | null> {
    return this.opening?.catch(() => null) ?? null;
  }
}

/** An update as it was received, whichever state its round is in. */
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
  if (!holdsUpdates(open) || open.number !== round || !file) {
    const { update, bytes } = await store.readUpdate(round, node);
    return { digest: update.digest, bytes };
  }
  if (!Object.hasOwn(open.accepted, node)) {
    throw new QuorateError('UNKNOWN_UPDATE', `round ${round} has no update of ${node}`, { round, node });
  }
  return { digest: open.accepted[node]!.digest, bytes: (await file.ready()).read(node) };
}
