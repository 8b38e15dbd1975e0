/**
 * What was aggregated is what was acknowledged: the SHA-256 of each row, taken while it was aggregated, beside the one in
 * its receipt. A disk or a memory that changed a bit in between must not change a model.
 */
import type { Report } from '../../aggregation/report.js';
import { currentHost } from '../../core/host.js';
import { QuorateError } from '../../errors.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import type { RoundStore } from '../../store/store.js';

/**
 * @param rows of the report, in the order of `updates`
 * @throws QuorateError CORRUPT_FILE, with the node
 */
export async function requireAcknowledged(
  place: Pick<RoundStore, 'read'>,
  updates: readonly AcceptedUpdate[],
  rows: Report['rows'],
): Promise<void> {
  for (const [i, { node, digest, staleness }] of updates.entries()) {
    if (digest === null) continue;
    // The report's digest of a stale row is of its scaled values.
    const found = staleness === 0 ? rows[i]!.digest : await digestOfPieces(place.read(node));
    if (found === digest) continue;
    throw new QuorateError('CORRUPT_FILE', `the update of ${node} is not what was acknowledged any more`, {
      node,
    });
  }
}

/** SHA-256 in hex. */
export async function digestOfPieces(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = currentHost().sha256();
  for await (const piece of pieces) hash.update(piece);
  return hash.hex();
}
