/** An update as it came, wherever its round is. */
import { QuorateError } from '../errors.js';
import type { RoundState } from '../rounds/state.js';
import type { SessionStore } from '../store/store.js';
import type { RoundFile } from './roundFile.js';

export interface StoredUpdate {
  /** SHA-256 of its float32 bytes, in hex; null where none was taken. */
  readonly digest: string | null;
  /** Float32, little-endian. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

interface Places {
  readonly store: SessionStore;
  readonly open: RoundState;
  readonly file: RoundFile | null;
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
  return { digest: open.accepted[node].digest, bytes: (await file.ready()).read(node) };
}
