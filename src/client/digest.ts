/** SHA-256 where Node and pages both have it. */
import { webSha256 } from '../../bindings/webHash.js';

/** Lower-case hex. Pages that came neither over TLS nor from this machine have no Web Crypto. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto };
  if (!subtle) {
    const hash = webSha256();
    hash.update(bytes);
    return hash.hex();
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The Content-Digest field of RFC 9530 for a SHA-256 in hex. */
export function contentDigest(hex: string): string {
  const bytes = hex.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return `sha-256=:${btoa(bytes)}:`;
}
