/**
 * An independent reference for the 16-bit float formats. Values are written out from the formats' definition, and
 * rounding looks for the nearest one; nothing here knows of bits of a float32 but their division into sign and rest.
 */

/** A format's non-negative finite values in ascending order: the code of each is its place. */
export interface SmallFloat {
  readonly values: Float64Array;
  /** The code of infinity, and the value that would come next if there were no limit. */
  readonly infinity: number;
  readonly beyond: number;
}

function smallFloat(exponentBits: number, mantissaBits: number): SmallFloat {
  const bias = 2 ** (exponentBits - 1) - 1;
  const perExponent = 2 ** mantissaBits;
  const infinity = (2 ** exponentBits - 1) * perExponent;
  const values = new Float64Array(infinity);
  for (let code = 0; code < infinity; code++) {
    const exponent = Math.floor(code / perExponent);
    const fraction = (code % perExponent) / perExponent;
    values[code] = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  }
  return { values, infinity, beyond: 2 ** (bias + 1) };
}

export const binary16 = smallFloat(5, 10);
export const bfloat16 = smallFloat(8, 7);

/** The value of a 16-bit code. */
export function decoded({ values, infinity }: SmallFloat, code: number): number {
  const sign = code >= 0x8000 ? -1 : 1;
  const rest = code % 0x8000;
  if (rest > infinity) return NaN;
  return sign * (rest === infinity ? Infinity : values[rest]!);
}

/** The 16-bit code nearest to x, ties to the even code; undefined for NaN. */
export function nearest({ values, infinity, beyond }: SmallFloat, x: number): number | undefined {
  if (Number.isNaN(x)) return undefined;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(x);
  let low = 0;
  let high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= magnitude) low = middle;
    else high = middle;
  }
  const halfWay = (values[low]! + (high === infinity ? beyond : values[high]!)) / 2;
  if (magnitude < halfWay) return sign + low;
  if (magnitude > halfWay) return sign + high;
  return sign + (low % 2 === 0 ? low : high);
}
