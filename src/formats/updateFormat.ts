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
