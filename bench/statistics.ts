/** Medians of few, noisy samples. Means would follow the one sample in which something else ran. */

export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly samplesMs: readonly number[];
}

/** @returns the middle value, or the mean of the two in the middle. `values` is left as it is. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing does not exist');
  const ordered = [...values].sort((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  const upper = ordered[middle] ?? NaN;
  return ordered.length % 2 === 1 ? upper : ((ordered[middle - 1] ?? NaN) + upper) / 2;
}

/** @returns the smallest value that at least a share `q` of the values does not exceed (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('a quantile of nothing does not exist');
  if (!(q > 0 && q <= 1)) throw new RangeError('a quantile lies above 0 and up to 1');
  return [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1]!;
}

export function timing(samplesMs: readonly number[]): Timing {
  return { medianMs: median(samplesMs), minMs: Math.min(...samplesMs), samplesMs };
}
