/** Room for bodies that are held whole: many at once must not take all the memory that there is. */
import type { Context } from 'koa';
import { QuorateError } from '../errors.js';

/** Most often a body is dealt with in less. */
const RETRY_AFTER_MS = 1000;

export class BodyRoom {
  readonly limitBytes: number;
  private takenBytes = 0;
  private readonly holders = new Map<Context['res'], number>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Until the answer is out, or the connection is gone. @throws QuorateError RATE_LIMITED */
  take({ res }: Context, sizeBytes: number): void {
    if (this.takenBytes + sizeBytes > this.limitBytes) {
      throw new QuorateError('RATE_LIMITED', 'other requests have all the room that there is for bodies', {
        limitBytes: this.limitBytes,
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    this.takenBytes += sizeBytes;
    const held = this.holders.get(res);
    this.holders.set(res, (held ?? 0) + sizeBytes);
    if (held !== undefined) return;
    res.once('close', () => {
      this.takenBytes -= this.holders.get(res)!;
      this.holders.delete(res);
    });
  }
}
