/** Checks of single vectors: models, changes, decoded updates. */
import { QuorateError } from '../errors.js';

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT */
export function requireVector(value: unknown, what: string): asserts value is Float32Array {
  if (!(value instanceof Float32Array)) {
    throw new QuorateError('BAD_TYPE', `${what} must be a Float32Array`, { what });
  }
  if (value.length === 0) throw new QuorateError('EMPTY_INPUT', `${what} has no entries`, { what });
}

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT, BAD_SHAPE */
export function requireVectorOf(d: number, value: unknown, what: string): asserts value is Float32Array {
  requireVector(value, what);
  if (value.length === d) return;
  throw new QuorateError('BAD_SHAPE', `${what} has ${value.length} entries, not ${d}`, {
    what,
    got: value.length,
    expected: d,
  });
}

/** Names the first entry that is NaN or an infinity. @throws QuorateError NON_FINITE */
export function refuseNonFinite(values: Float32Array, what: string): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new QuorateError('NON_FINITE', `${what}: entry ${index} is ${values[index]}`, { what, index });
}
