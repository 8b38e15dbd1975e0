/**
 * An answer that nobody reads: what was not sent yet would be held for as long as the connection is. So the answer is
 * cut off when, once it is on its way, not a byte of it could be sent for a while.
 */
import type { Middleware } from 'koa';

/** Comes first, so that an answer may take as long as it likes to be made. */
export function cutStalledReader(stallMs: number): Middleware {
  return async ({ res, state }, next) => {
    await next();
    // The socket looks at what it has left to send before it says that the time is over.
    res.setTimeout(stallMs, () => {
      state.cutOff = 'an answer that was not read was cut off';
      res.destroy();
    });
  };
}
