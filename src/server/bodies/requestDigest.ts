/** Content-Digest of requests. */
import type { IncomingMessage } from 'node:http';
import { checkDigest, type ContentDigest, parseContentDigest } from '../../formats/contentDigest.js';

/** What the sender says of its body; none if it says nothing. @throws QuorateError MALFORMED */
export function contentDigestOf({ headers }: IncomingMessage): ContentDigest {
  const header = headers['content-digest'];
  return header === undefined ? {} : parseContentDigest(String(header));
}

/** @throws QuorateError BAD_DIGEST */
export function checkBytes(expected: ContentDigest, bytes: Uint8Array): void {
  const digest = checkDigest(expected);
  digest.update(bytes);
  digest.finish();
}

/** The body as it comes; at its end it throws unless it is the one that was announced. @throws QuorateError BAD_DIGEST */
export async function* checkBody(
  expected: ContentDigest,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const digest = checkDigest(expected);
  for await (const chunk of body) {
    digest.update(chunk);
    yield chunk;
  }
  digest.finish();
}
