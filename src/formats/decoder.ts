/**
 * Decodes values as they arrive, and checks that they are finite: the core's kernels on a small memory of their own,
 * one for the process. Everything is synchronous, so it waits for no aggregation, and the memory is free again at the
 * end of each call.
 *
 *   source   64 KiB   up to 16384 values as they came
 *   target   64 KiB   the same as float32
 */
import { type CoreExports, PAGE_BYTES } from '../../bindings/abi.js';
import { instantiateCore } from '../../bindings/instantiate.js';
import { currentHost } from '../core/host.js';

/** The most values that are decoded at a time. */
export const TILE_VALUES = 16_384;

const TILE_BYTES = TILE_VALUES * 4;
/** Address 0 stays unused. */
const SOURCE = 1024;
const TARGET = SOURCE + TILE_BYTES;

export class Decoder {
  private readonly core: CoreExports;
  private readonly source: Uint8Array;
  private readonly target: Uint8Array;

  /** Made by `loadDecoder`. */
  constructor(core: CoreExports, memory: WebAssembly.Memory) {
    this.core = core;
    // The memory never grows, so these stay what they are.
    this.source = new Uint8Array(memory.buffer, SOURCE, TILE_BYTES);
    this.target = new Uint8Array(memory.buffer, TARGET, TILE_BYTES);
  }

  /**
   * Checks and decodes the whole values in `before` and `bytes`, one after the other; what is left of the last one is
   * ignored. At most TILE_VALUES values.
   *
   * @returns the values' float32 bytes, in the decoder's memory until it is next used; or where the first value that
   *   is not finite stands
   */
  decode(format: FlatFormat, before: Uint8Array, bytes: Uint8Array): Uint8Array | number {
    this.source.set(before);
    this.source.set(bytes, before.length);
    const count = Math.floor((before.length + bytes.length) / bytesPerValue[format.kind]);
    const isFinite = this.convert(format, count);
    const decoded = (format.kind === 'f32' ? this.source : this.target).subarray(0, count * 4);
    return isFinite ? decoded : firstNonFinite(decoded);
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

/** The process's decoder, made when first needed; a failure to load the core may be tried again. */
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
  /** Tensors by name, each float32, float16 or bfloat16. */
  | { readonly kind: 'safetensors' };

/** One value after the other, nothing else. */
export type FlatFormat = Exclude<UpdateFormat, { readonly kind: 'safetensors' }>;

export const bytesPerValue: Readonly<Record<FlatFormat['kind'], number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  int8: 1,
};
