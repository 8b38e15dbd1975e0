/**
 * The updates of the round that is under way. Opening its place may fail, when the disk is full say: that does not end
 * the round, for the next who needs the place tries again.
 */
import type { RoundStore } from '../store/store.js';

export class RoundFile {
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
