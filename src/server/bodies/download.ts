/** Downloads with conditional requests and byte ranges (RFC 9110). */
import type { Context } from 'koa';
import { QuorateError } from '../../errors.js';
import { checkPreconditions } from './preconditions.js';
import { contentDigest } from '../../formats/contentDigest.js';

/** One representation of a resource, as the bytes that are sent. */
export interface Download {
  readonly bytes: Uint8Array;
  /** Media type. */
  readonly type: string;
  /** SHA-256 of `bytes`, in hex. */
  readonly digest: string;
}

/** The ETag of a download. */
export const etagOf = ({ digest }: Pick<Download, 'digest'>): string => `"${digest}"`;

/**
 * Sends a download, the requested range of it, or 304. The ETag is its digest.
 *
 * @throws QuorateError PRECONDITION_FAILED, MALFORMED, RANGE_NOT_SATISFIABLE
 */
export function sendDownload(ctx: Context, download: Download): void {
  const { bytes, type, digest } = download;
  const etag = etagOf(download);
  ctx.set({ ETag: etag, 'Accept-Ranges': 'bytes', 'Cache-Control': 'no-cache', 'Content-Type': type });
  ctx.vary('Accept');
  if (checkPreconditions(ctx.req, [etag])) {
    ctx.status = 304;
    return;
  }
  const range = isRangeCurrent(ctx, etag) ? readRange(ctx.get('Range'), bytes.length) : null;
  const [first, end] = range ?? [0, bytes.length];
  ctx.status = range ? 206 : 200;
  if (range) ctx.set('Content-Range', `bytes ${first}-${end - 1}/${bytes.length}`);
  else ctx.set('Content-Digest', contentDigest(digest));
  ctx.body = Buffer.from(bytes.buffer, bytes.byteOffset + first, end - first);
}

/** Ranges apply to GET only, and with If-Range only while the representation is unchanged. */
function isRangeCurrent(ctx: Context, etag: string): boolean {
  const ifRange = ctx.get('If-Range');
  return ctx.method === 'GET' && (ifRange === '' || ifRange === etag);
}

/**
 * Reads a single range. Invalid and multiple ranges are ignored, as the RFC allows.
 *
 * @returns [first, end), at least one byte; null for the whole
 */
function readRange(header: string, size: number): [number, number] | null {
  const match = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i.exec(header);
  if (!match) return null;
  const [, from, to, last] = match;
  const first = from === undefined ? Math.max(0, size - Number(last)) : Number(from);
  const end = from === undefined || to === '' ? size : Math.min(size, Number(to) + 1);
  if (from !== undefined && to !== '' && Number(to) < first) return null;
  if (first < end) return [first, end];
  throw new QuorateError(
    'RANGE_NOT_SATISFIABLE',
    `the range starts beyond the end; there are ${size} bytes`,
    { sizeBytes: size },
  );
}
