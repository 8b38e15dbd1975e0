/** Safetensors files made by hand, right and wrong: the length, a JSON text as given, the data. */

export interface FileParts {
  /** As JSON, or a text that is taken as it is. */
  readonly header: unknown;
  readonly data?: Uint8Array;
  /** Default: that of the header. */
  readonly length?: bigint;
}

export function safetensorsFile({ header, data = new Uint8Array(0), length }: FileParts): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(json.length));
  return new Uint8Array(Buffer.concat([start, json, data]));
}

/** The bytes of float32 values. */
export const float32Bytes = (...values: number[]): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer);
