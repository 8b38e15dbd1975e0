/**
 * A model in the media type that a client asks for. Each representation is cached for as long as the model itself, so a
 * thousand nodes downloading one model cost one encoding and one hash.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { type Encoding, encode } from '../../core/codec.js';
import type { Engine } from '../../core/engine.js';
import type { StoredModel } from '../../coordinator/session/models.js';
import { writeSafetensors } from '../../formats/safetensors.js';
import { bytesOf } from '../../files/files.js';
import { valuesIn } from '../../formats/tensorShape.js';
import type { Download } from './download.js';
import { BFLOAT16, FLAT, FLOAT16, INT8, SAFETENSORS } from './mediaTypes.js';

const encodings: Readonly<Record<string, Encoding>> = {
  [FLOAT16]: 'f16',
  [BFLOAT16]: 'bf16',
  [INT8]: 'int8',
};

/** The media types of models; the first is the default. */
export const modelTypes = [FLAT, SAFETENSORS, FLOAT16, BFLOAT16, INT8] as const;
/** A media type of models. */
export type ModelType = (typeof modelTypes)[number];

const cache = new WeakMap<Float32Array, Map<ModelType, Promise<Download>>>();

/** The type that Accept prefers; the default if it accepts none. */
export function preferredType(ctx: Context): ModelType {
  const preferred = ctx.accepts(...modelTypes);
  return modelTypes.find((type) => type === preferred) ?? FLAT;
}

/** The model in a media type, encoded at most once. @throws QuorateError NON_FINITE_RESULT if a value overflows 16 bits */
export function represent(
  model: StoredModel,
  type: ModelType,
  engine: Engine | undefined,
): Promise<Download> {
  const cached = cache.get(model.values) ?? new Map<ModelType, Promise<Download>>();
  cache.set(model.values, cached);
  const download = cached.get(type) ?? encodeModel(model, type, engine);
  cached.set(type, download);
  download.catch(() => cached.delete(type));
  return download;
}

async function encodeModel(
  model: StoredModel,
  type: ModelType,
  engine: Engine | undefined,
): Promise<Download> {
  if (type === FLAT) return { bytes: bytesOf(model.values), type, digest: model.digest };
  if (type === SAFETENSORS) return downloadOf(type, safetensorsOf(model));
  const encoded = await encode(model.values, encodings[type]!, engine ? { engine } : {});
  return downloadOf(encoded.encoding === 'int8' ? `${type}; scale=${encoded.scale}` : type, encoded.bytes);
}

const downloadOf = (type: string, bytes: Uint8Array): Download => ({
  bytes,
  type,
  digest: createHash('sha256').update(bytes).digest('hex'),
});

function safetensorsOf({ tensors, values, round }: StoredModel): Uint8Array {
  let offset = 0;
  const named = tensors.map(({ name, shape }) => {
    const from = offset;
    offset += valuesIn(shape, name);
    return { name, shape, values: values.subarray(from, offset) };
  });
  return writeSafetensors(named, { round: String(round) });
}
