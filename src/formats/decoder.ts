/**
 * Decodes values as they arrive and checks that they are finite, with the core's kernels on a small memory of their own,
 * one per process. Calls are synchronous: they don't wait for aggregations, and the memory is free again after each.
 *
 *   source   64 KiB   up to 16384 values as received
 *   target   64 KiB   the same as float32
 */
import { type CoreExports, PAGE_BYTES } from '../../bindings/abi.js';
import { instantiateCore } from '../../bindings/instantiate.js';
import { currentHost } from '../core/host.js';

/** The largest number of values per call. */
export const TILE_VALUES = 16_384;

const TILE_BYTES = TILE_VALUES * 4;
/** Address 0 stays unused. */
const SOURCE = 1024;
const TARGET = SOURCE + TILE_BYTES;

/** Decodes up to `TILE_VALUES` values at a time. */
export class Decoder {
  private readonly core: CoreExports;
  private readonly source: Uint8Array;
  private readonly target: Uint8Array;

  /** Made by `loadDecoder`. */
  constructor(core: CoreExports, memory: WebAssembly.Memory) {
    this.core = core;
    // The memory never grows, so these views stay valid.
    this.source = new Uint8Array(memory.buffer, SOURCE, TILE_BYTES);
    this.target = new Uint8Array(memory.buffer, TARGET, TILE_BYTES);
  }

  /**
   * Checks and decodes the complete values in `before` followed by `bytes`, at most TILE_VALUES. A trailing part of a
   * value is ignored.
   *
   * @param passNonFinite whether values that are not finite are returned like others
   * @returns the values' float32 bytes, in the decoder's memory and valid until the next call; or the index of the first
   *   value that is not finite
   */
  decode(
    format: FlatFormat,
    before: Uint8Array,
    bytes: Uint8Array,
    passNonFinite: boolean,
  ): Uint8Array | number {
    this.source.set(before);
    this.source.set(bytes, before.length);
    const count = Math.floor((before.length + bytes.length) / bytesPerValue[format.kind]);
    const isFinite = this.convert(format, count);
    const decoded = (format.kind === 'f32' ? this.source : this.target).subarray(0, count * 4);
    return isFinite || passNonFinite ? decoded : firstNonFinite(decoded);
  }

  private convert(format: FlatFormat, count: number): boolean {
    switch (format.kind) {
      case 'f32':
        return Number.isFinite(this.core.copyChecked(SOURCE, SOURCE, count));
      case 'f16':
        return this.core.decodeFloat16(SOURCE, TARGET, count) === 0;
      case 'bf16':
        return this.core.decodeBfloat16(SOURCE, TARGET, count) === 0;
      case 'int8':
        return this.core.decodeInt8(SOURCE, TARGET, count, format.scale) === 0;
    }
  }
}

function firstNonFinite(bytes: Uint8Array): number {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return values.findIndex((value) => !Number.isFinite(value));
}

async function load(): Promise<Decoder> {
  const pages = Math.ceil((TARGET + TILE_BYTES) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return new Decoder(await instantiateCore(await currentHost().compileCore(false), memory), memory);
}

let loading: Promise<Decoder> | undefined;

/** The process's decoder, created when first needed. If loading the core fails, the next call tries again. */
export function loadDecoder(): Promise<Decoder> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** How an update's body is encoded. */
export type UpdateFormat =
  | { readonly kind: 'f32' | 'f16' | 'bf16' }
  /** value = byte · scale */
  | { readonly kind: 'int8'; readonly scale: number }
  /** Named tensors, each float32, float16 or bfloat16. */
  | { readonly kind: 'safetensors' };

/** Values in sequence, without a header. */
export type FlatFormat = Exclude<UpdateFormat, { readonly kind: 'safetensors' }>;

/** Size of a value. */
export const bytesPerValue: Readonly<Record<FlatFormat['kind'], number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  int8: 1,
};
