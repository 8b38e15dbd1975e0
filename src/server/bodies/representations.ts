/**
 * A model as the bytes that a client asks for. What was made once is kept as long as the model itself, so that a
 * thousand nodes that download one model cost one encoding and one hash.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { type Encoding, encode } from '../../core/codec.js';
import type { Engine } from '../../core/engine.js';
import type { StoredModel } from '../../coordinator/session/models.js';
import { writeSafetensors } from '../../formats/safetensors.js';
import { valuesIn } from '../../formats/tensorShape.js';
import type { Download } from './download.js';
import { BFLOAT16, FLAT, FLOAT16, INT8, SAFETENSORS } from './mediaTypes.js';

const encodings: Readonly<Record<string, Encoding>> = {
  [FLOAT16]: 'f16',
  [BFLOAT16]: 'bf16',
  [INT8]: 'int8',
};

/** What models are offered as; the first where the client has no preference. */
export const modelTypes = [FLAT, SAFETENSORS, FLOAT16, BFLOAT16, INT8] as const;
export type ModelType = (typeof modelTypes)[number];

const made = new WeakMap<Float32Array, Map<ModelType, Promise<Download>>>();

/** The type that the client likes best; the usual one if it likes none. */
export function preferredType(ctx: Context): ModelType {
  const preferred = ctx.accepts(...modelTypes);
  return modelTypes.find((type) => type === preferred) ?? FLAT;
}

/** @throws QuorateError NON_FINITE_RESULT where a value is too large for 16 bits */
export function represent(
  model: StoredModel,
  type: ModelType,
  engine: Engine | undefined,
): Promise<Download> {
  const kept = made.get(model.values) ?? new Map<ModelType, Promise<Download>>();
  made.set(model.values, kept);
  const download = kept.get(type) ?? make(model, type, engine);
  kept.set(type, download);
  download.catch(() => kept.delete(type));
  return download;
}

export const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

async function make(model: StoredModel, type: ModelType, engine: Engine | undefined): Promise<Download> {
  if (type === FLAT) return { bytes: bytesOf(model.values), type, digest: model.digest };
  if (type === SAFETENSORS) return named(type, modelFile(model));
  const encoded = await encode(model.values, encodings[type]!, engine ? { engine } : {});
  return named(encoded.encoding === 'int8' ? `${type}; scale=${encoded.scale}` : type, encoded.bytes);
}

const named = (type: string, bytes: Uint8Array): Download => ({
  bytes,
  type,
  digest: createHash('sha256').update(bytes).digest('hex'),
});

function modelFile({ tensors, values, round }: StoredModel): Uint8Array {
  let offset = 0;
  const cut = tensors.map(({ name, shape }) => {
    const from = offset;
    offset += valuesIn(shape, name);
    return { name, shape, values: values.subarray(from, offset) };
  });
  return writeSafetensors(cut, { round: String(round) });
}
