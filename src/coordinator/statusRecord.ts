/** Makes a session's status durable, once for each. */
import type { SessionStatus } from '../rounds/state.js';
import type { SessionEntry } from '../store/store.js';

export class StatusRecord {
  private readonly record: (entry: SessionEntry) => Promise<void>;
  /** What is durable, or on its way there; null: the last attempt failed. */
  private latest: { readonly status: SessionStatus; readonly done: Promise<void> } | null;

  /** @param status the durable one */
  constructor(status: SessionStatus, record: (entry: SessionEntry) => Promise<void>) {
    this.latest = { status, done: Promise.resolve() };
    this.record = record;
  }

  /** After a failure, whoever asks next tries again. @throws QuorateError STORE_FULL, STORE_FAILED */
  async write(entry: SessionEntry): Promise<void> {
    const { status } = entry;
    if (this.latest?.status !== status) this.latest = { status, done: this.record(entry) };
    const { latest } = this;
    try {
      await latest.done;
    } catch (error) {
      if (this.latest === latest) this.latest = null;
      throw error;
    }
  }
}
