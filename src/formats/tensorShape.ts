/** What a model is made of: named tensors, their float32 values one after the other, each row-major. */
import { QuorateError } from '../errors.js';

export interface TensorShape {
  readonly name: string;
  /** Extents; none for a single value. */
  readonly shape: readonly number[];
}

/**
 * How many values a tensor of this shape has.
 *
 * @throws QuorateError BAD_SHAPE if an extent is not a whole number ≥ 0, or the product is beyond 2⁵³
 */
export function valuesIn(shape: readonly number[], name: string): number {
  let values = 1;
  for (const extent of shape) {
    values *= extent;
    if (Number.isSafeInteger(extent) && extent >= 0 && Number.isSafeInteger(values)) continue;
    throw new QuorateError('BAD_SHAPE', `tensor '${name}' can't have the shape [${shape.join(', ')}]`, {
      tensor: name,
      shape,
    });
  }
  return values;
}
