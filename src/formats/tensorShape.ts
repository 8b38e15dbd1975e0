import { QuorateError } from '../errors.js';

/** A named part of a model. A model's float32 values are those of its tensors in order, each row-major. */
export interface TensorShape {
  /** Unique within the model. */
  readonly name: string;
  /** Extents; none for a single value. */
  readonly shape: readonly number[];
}

/**
 * The number of values in a tensor of this shape.
 *
 * @throws QuorateError BAD_SHAPE if an extent is not an integer of at least 0, or the product exceeds 2⁵³
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
