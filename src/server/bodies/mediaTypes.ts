/** Media types, and the encodings of vectors that they stand for. */
import { QuorateError } from '../../errors.js';
import type { UpdateFormat } from '../../formats/decoder.js';

/** float32, little-endian, without any header. */
export const FLAT = 'application/octet-stream';
export const SAFETENSORS = 'application/vnd.safetensors';
export const FLOAT16 = 'application/vnd.quorate.f16';
export const BFLOAT16 = 'application/vnd.quorate.bf16';
export const INT8 = 'application/vnd.quorate.int8';
export const JSON_TYPE = 'application/json';

/** The media types of updates. */
export const updateTypes: readonly string[] = [FLAT, SAFETENSORS, FLOAT16, BFLOAT16, INT8];

/** A parsed Content-Type. */
export interface MediaType {
  /** In lower case; '' if there is none. */
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const parameter =
  /;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+)))?[ \t]*/y;

/** Parses a Content-Type header. @throws QuorateError MALFORMED */
export function mediaTypeOf(header: string | undefined): MediaType {
  if (header === undefined) return { type: '', parameters: {} };
  const type = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*/.exec(header);
  const parameters = Object.create(null) as Record<string, string>;
  let at = type?.[0].length ?? 0;
  while (type && at < header.length) {
    parameter.lastIndex = at;
    const match = parameter.exec(header);
    if (!match) break;
    const [whole, name, quoted, token] = match;
    if (name !== undefined) parameters[name.toLowerCase()] = quoted ?? token ?? '';
    at += whole.length;
  }
  if (type && at === header.length) return { type: type[1]!.toLowerCase(), parameters };
  throw new QuorateError('MALFORMED', 'Content-Type is not a valid media type', { header: 'Content-Type' });
}

/** @throws QuorateError UNSUPPORTED_MEDIA_TYPE with `details.supported` */
export function requireMediaType({ type }: MediaType, supported: readonly string[]): void {
  if (supported.includes(type)) return;
  const given = type === '' ? 'Content-Type is missing' : `${type} is not supported here`;
  throw new QuorateError('UNSUPPORTED_MEDIA_TYPE', `${given}; send ${supported.join(', ')}`, {
    given: type,
    supported,
  });
}

/** The encoding of an update. @throws QuorateError UNSUPPORTED_MEDIA_TYPE, MALFORMED, INVALID_PARAMETER */
export function updateFormatOf(contentType: string | undefined): UpdateFormat {
  const media = mediaTypeOf(contentType);
  requireMediaType(media, updateTypes);
  switch (media.type) {
    case SAFETENSORS:
      return { kind: 'safetensors' };
    case FLOAT16:
      return { kind: 'f16' };
    case BFLOAT16:
      return { kind: 'bf16' };
    case INT8:
      return { kind: 'int8', scale: scaleOf(media) };
    default:
      return { kind: 'f32' };
  }
}

/** @throws QuorateError INVALID_PARAMETER */
function scaleOf({ parameters: { scale } }: MediaType): number {
  const value = /^[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,3})?$/i.test(scale ?? '') ? Number(scale) : NaN;
  if (Number.isFinite(Math.fround(value))) return value;
  throw new QuorateError('INVALID_PARAMETER', `${INT8} needs a scale, as in '${INT8}; scale=0.0123'`, {
    parameter: 'scale',
    value: scale ?? null,
  });
}
