/** Checks of options that every part uses: unknown ones are refused, nothing is clamped. */
import { QuorateError } from '../errors.js';

/** @throws QuorateError UNKNOWN_PARAMETER, INVALID_PARAMETER */
export function refuseUnknown(where: string, options: object, known: readonly string[]): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new QuorateError('INVALID_PARAMETER', `${where}: options must be an object`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new QuorateError(
      'UNKNOWN_PARAMETER',
      `${where}: there is no option '${key}'; there are ${known.join(', ')}`,
      {
        parameter: key,
        known,
      },
    );
  }
}

/** @throws QuorateError INVALID_PARAMETER */
export function requireWholeNumber(name: string, value: unknown, least: number, most: number): void {
  if (
    typeof value === 'number' &&
    (Number.isInteger(value) || value === most) &&
    value >= least &&
    value <= most
  )
    return;
  const bounds = most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  throw new QuorateError(
    'INVALID_PARAMETER',
    `${name} must be a whole number, ${bounds}; got ${String(value)}`,
    {
      parameter: name,
      value,
    },
  );
}
