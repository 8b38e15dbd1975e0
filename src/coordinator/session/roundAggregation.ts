/**
 * From a round's last update to its next model:
 *
 *   seal       durably decides which updates are in
 *   nextModel  on the engine, which sessions share in turns
 *   verify     its rows are what was acknowledged
 *   evaluate   if the coordinator measures models itself
 *
 * Nothing of the result is durable: sealed updates are aggregated again after a restart.
 */
import { type Report, vectorDigest } from '../../aggregation/report.js';
import type { Engine } from '../../core/engine.js';
import { currentHost } from '../../core/host.js';
import { QuorateError } from '../../errors.js';
import type { AcceptedUpdate } from '../../rounds/machine.js';
import type { RoundStore } from '../../store/store.js';
import type { CurrentModel, StoredModel } from './models.js';
import { nextModel, type Recipe } from './nextModel.js';
import type { RoundHandle } from './roundHandle.js';
import { type AggregatedRound, judgmentsOf, type RoundToAggregate, trainingMetrics } from './roundRecord.js';

export interface AggregationOptions {
  readonly round: RoundToAggregate;
  readonly file: RoundHandle;
  readonly recipe: Recipe;
  readonly before: CurrentModel;
  readonly engine: Engine;
  /** Measures the next model; a failure is reported, for a model that can't be measured is a model nonetheless. */
  readonly evaluate: ((model: StoredModel) => Promise<Readonly<Record<string, number>>>) | undefined;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/**
 * Begins to seal before it returns.
 *
 * @throws QuorateError ABORTED if it was canceled; CORRUPT_FILE; STORE_FULL, STORE_FAILED; what nextModel throws
 */
export async function aggregateRound(options: AggregationOptions): Promise<AggregatedRound> {
  const { round, file, recipe, before, engine, signal } = options;
  const { updates } = round;
  const nodes = updates.map(({ node }) => node);
  const place = await file.seal(nodes);
  signal.throwIfAborted();
  const output = await nextModel(
    recipe,
    {
      round: round.round,
      model: before.values,
      optimizer: before.optimizer,
      rows: place.rows(nodes),
      facts: updates,
    },
    { engine, signal },
  );
  await verifyRows(place, updates, output.report.rows);
  const model: CurrentModel = {
    round: round.round,
    tensors: before.tensors,
    values: output.model,
    digest: vectorDigest(output.model),
    optimizer: output.optimizer,
  };
  const metrics = { ...trainingMetrics(updates), ...(await evaluated(model, options)) };
  return {
    round,
    before,
    model,
    report: output.report,
    judgments: judgmentsOf(updates, output.report),
    metrics,
  };
}

async function evaluated(
  model: StoredModel,
  { evaluate, onError }: AggregationOptions,
): Promise<Readonly<Record<string, number>>> {
  try {
    const metrics = Object.entries((await evaluate?.(model)) ?? {});
    return Object.fromEntries(metrics.filter(([, value]) => Number.isFinite(value)));
  } catch (error) {
    onError(error);
    return {};
  }
}

/**
 * Compares each row's SHA-256, taken while it was aggregated, with the one that its node was acknowledged: a disk or a
 * memory that changed a bit in between must not change a model.
 *
 * @param rows of the report, in the order of `updates`
 * @throws QuorateError CORRUPT_FILE, with the node
 */
async function verifyRows(
  place: Pick<RoundStore, 'read'>,
  updates: readonly AcceptedUpdate[],
  rows: Report['rows'],
): Promise<void> {
  for (const [i, { node, digest, staleness }] of updates.entries()) {
    if (digest === null) continue;
    // The report's digest of a stale row is of its scaled values.
    const found = staleness === 0 ? rows[i]!.digest : await digestOfPieces(place.read(node));
    if (found === digest) continue;
    throw new QuorateError(
      'CORRUPT_FILE',
      `the update of ${node} is no longer the one that was acknowledged`,
      {
        node,
      },
    );
  }
}

/** SHA-256 in hex. */
export async function digestOfPieces(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = currentHost().sha256();
  for await (const piece of pieces) hash.update(piece);
  return hash.hex();
}
