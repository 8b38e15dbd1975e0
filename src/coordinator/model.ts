/** Checks of an initial model. */
import { refuseNonFinite, requireVector } from '../core/vector.js';
import { QuorateError } from '../errors.js';
import { valuesIn } from '../formats/tensorShape.js';
import type { Model } from './coordinator.js';

/** @throws QuorateError BAD_TYPE, EMPTY_INPUT, BAD_SHAPE, NON_FINITE, INVALID_PARAMETER */
export function checkModel({ tensors, values }: Model): void {
  requireVector(values, 'model');
  const names = new Set<string>();
  let d = 0;
  for (const { name, shape } of tensors) {
    if (names.has(name)) {
      throw new QuorateError('INVALID_PARAMETER', `the model has two tensors '${name}'`, { tensor: name });
    }
    names.add(name);
    d += valuesIn(shape, name);
  }
  if (d !== values.length) {
    throw new QuorateError('BAD_SHAPE', `the model has ${values.length} values, its tensors ${d}`, {
      got: values.length,
      expected: d,
    });
  }
  refuseNonFinite(values, 'model');
}
