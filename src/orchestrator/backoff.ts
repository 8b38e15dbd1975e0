/** How long a component rests before it is started again, and whether it is at all. */
import type { RestartBounds } from './state.js';

/** Those that still count, oldest first. */
export const inWindow = (
  restartsAtMs: readonly number[],
  { windowMs }: RestartBounds,
  nowMs: number,
): readonly number[] => restartsAtMs.filter((atMs) => atMs > nowMs - windowMs);

/**
 * Doubled with each restart, up to mostMs, and then a random share of its second half left out: components that died
 * together do not come back together.
 *
 * @param before restarts in the window
 * @param chance in [0, 1)
 */
export function backoffMs({ firstMs, mostMs }: RestartBounds, before: number, chance: number): number {
  const longestMs = Math.min(mostMs, firstMs * 2 ** before);
  return Math.ceil((longestMs * (1 + chance)) / 2);
}
