/** Makes a session's status durable, once for each. */
import { QuorateError } from '../../errors.js';
import type { SessionStatus } from '../../rounds/machine.js';
import type { SessionEntry } from '../../store/store.js';

export class StatusRecord {
  private readonly record: (entry: SessionEntry) => Promise<void>;
  /** What is durable, or on its way there; null: the last attempt failed. */
  private latest: { readonly status: SessionStatus; readonly done: Promise<void> } | null;

  /** @param status the durable one */
  constructor(status: SessionStatus, record: (entry: SessionEntry) => Promise<void>) {
    this.latest = { status, done: Promise.resolve() };
    this.record = record;
  }

  /** After a failure, the next call tries again. @throws QuorateError STORE_FULL, STORE_FAILED */
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

/** What may be asked of a session in which state. Asking again for what is so already is no mistake. */
export type Command = 'start' | 'pause' | 'resume' | 'stop';

const allowed: Readonly<Record<Command | 'set-model', readonly SessionStatus[]>> = {
  'set-model': ['created'],
  start: ['created', 'running'],
  pause: ['running', 'paused'],
  resume: ['paused', 'running'],
  stop: ['created', 'running', 'paused', 'stopped'],
};

/** @throws QuorateError WRONG_STATE */
export function requireAllowed(command: Command | 'set-model', status: SessionStatus): void {
  if (allowed[command].includes(status)) return;
  throw new QuorateError('WRONG_STATE', `a session that is ${status} does not take '${command}'`, {
    command,
    status,
  });
}
