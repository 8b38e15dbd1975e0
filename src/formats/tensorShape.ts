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

/**
 * Matches a file's tensors with the model's by name: their order does not matter.
 *
 * @param what `model` is, for messages
 * @returns where each tensor of the file starts in the model, in values
 * @throws QuorateError BAD_SHAPE if they are not the model's tensors, each with its shape; it names the tensor
 */
export function matchTensors(
  tensors: readonly TensorShape[],
  model: readonly TensorShape[],
  what = 'the model',
): number[] {
  const places = new Map<string, { readonly shape: readonly number[]; readonly offset: number }>();
  let offset = 0;
  for (const { name, shape } of model) {
    places.set(name, { shape, offset });
    offset += valuesIn(shape, name);
  }
  const refuse = (tensor: string, problem: string, details: Record<string, unknown> = {}) =>
    new QuorateError('BAD_SHAPE', `tensor '${tensor}' ${problem}`, { tensor, ...details });

  const offsets = tensors.map(({ name, shape }) => {
    const place = places.get(name);
    if (!place) throw refuse(name, `is not in ${what}`);
    if (shape.length !== place.shape.length || shape.some((extent, k) => extent !== place.shape[k])) {
      const text = `[${shape.join(', ')}] instead of [${place.shape.join(', ')}] as in ${what}`;
      throw refuse(name, `has the shape ${text}`, { got: shape, expected: place.shape });
    }
    return place.offset;
  });
  if (tensors.length < model.length) {
    const names = new Set(tensors.map(({ name }) => name));
    const missing = model.find(({ name }) => !names.has(name));
    throw refuse(missing?.name ?? '', `is missing; ${what} has it`);
  }
  return offsets;
}
