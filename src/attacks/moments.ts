/**
 * Mean and deviation of each coordinate over the honest updates: n × d float32 in, d float64 out, O(n·d). Plain loops:
 * a callback for each of millions of entries would take most of an attack's time.
 */

export function honestMean(honest: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(honest[0].length);
  for (const row of honest) for (let k = 0; k < mean.length; k++) mean[k] += row[k];
  for (let k = 0; k < mean.length; k++) mean[k] /= honest.length;
  return mean;
}

/** Standard deviation with n − 1 in the denominator (so n ≥ 2), from differences to the mean, not from squares. */
export function honestDeviation(honest: readonly Float32Array[], mean: Float64Array): Float64Array {
  const deviation = new Float64Array(mean.length);
  for (const row of honest) {
    for (let k = 0; k < mean.length; k++) {
      const difference = row[k] - mean[k];
      deviation[k] += difference * difference;
    }
  }
  for (let k = 0; k < mean.length; k++) deviation[k] = Math.sqrt(deviation[k] / (honest.length - 1));
  return deviation;
}

/** A multiple of a float64 vector, rounded to float32. */
export function scaled(vector: Float64Array, factor: number): Float32Array {
  const result = new Float32Array(vector.length);
  for (let k = 0; k < vector.length; k++) result[k] = factor * vector[k];
  return result;
}
