/** Statistics of few, noisy samples. Medians, because a single disturbed sample would distort a mean. */

export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly samplesMs: readonly number[];
}

/** @returns the middle value, or the mean of the two middle values. `values` is not modified. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median needs at least one value');
  const ordered = [...values].sort((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  const upper = ordered[middle] ?? NaN;
  return ordered.length % 2 === 1 ? upper : ((ordered[middle - 1] ?? NaN) + upper) / 2;
}

/** @returns the smallest value that at least a share `q` of the values doesn't exceed (nearest rank) */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('a quantile needs at least one value');
  if (!(q > 0 && q <= 1)) throw new RangeError('q must be greater than 0 and at most 1');
  return [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1]!;
}

export function timing(samplesMs: readonly number[]): Timing {
  return { medianMs: median(samplesMs), minMs: Math.min(...samplesMs), samplesMs };
}
