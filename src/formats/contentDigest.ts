/**
 * The header Content-Digest (RFC 9530): digests of a body as sent, each a byte sequence (RFC 8941) under the name of its
 * algorithm: `sha-256=:…base64…:, sha-512=:…:`. sha-256 and sha-512 are checked; others are ignored, as the RFC allows.
 */
import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { currentHost } from '../core/host.js';
import { QuorateError } from '../errors.js';

const lengths = { 'sha-256': 32, 'sha-512': 64 } as const;
type Algorithm = keyof typeof lengths;

/** The digests that can be checked; empty if the header has only others. */
export type ContentDigest = Readonly<Partial<Record<Algorithm, Uint8Array>>>;

/** Longer headers are refused without being parsed. */
const MAX_CHARACTERS = 4096;

/** One member: name, base64, and parameters, which have no meaning yet. */
const member = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):(?:; *[a-z*][a-z0-9_.*-]*(?:=[^\s,;"]+)?)*$/;

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/**
 * Parses the header.
 *
 * @param header the value of Content-Digest; several lines are joined by commas
 * @throws QuorateError MALFORMED
 */
export function parseContentDigest(header: string): ContentDigest {
  const malformed = (problem: string) =>
    new QuorateError('MALFORMED', `Content-Digest: ${problem}`, { header });
  if (header.length > MAX_CHARACTERS) {
    throw new QuorateError('MALFORMED', `Content-Digest: longer than ${MAX_CHARACTERS} characters`);
  }
  const digests: Partial<Record<Algorithm, Uint8Array>> = {};
  for (const text of header.split(',')) {
    const [, name, base64] = member.exec(text.trim()) ?? [];
    if (name === undefined) throw malformed('must be like sha-256=:base64:');
    const digest = fromBase64(base64!);
    if (!digest) throw malformed(`the digest ${name} is not base64`);
    if (name !== 'sha-256' && name !== 'sha-512') continue;
    if (digest.length !== lengths[name]) {
      throw malformed(`${name} must have ${lengths[name]} bytes; got ${digest.length}`);
    }
    digests[name] = digest;
  }
  return digests;
}

/** The header's value for a body with this SHA-256, given as 32 bytes or in hex. */
export function contentDigest(sha256: Uint8Array | string): string {
  const digest = typeof sha256 === 'string' ? hexToBytes(sha256) : sha256;
  return `sha-256=:${btoa(String.fromCharCode(...digest))}:`;
}

/** Whether two digests are the same. */
export function sameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, k) => byte === b[k]);
}

/** Computes a body's digests while it passes. */
export interface DigestCheck {
  update(bytes: Uint8Array): void;
  /** Call once, at the end of the body. @throws QuorateError BAD_DIGEST if a digest differs from the announced one */
  finish(): void;
}

/** Checks all announced digests. SHA-256 is native where the host has it; SHA-512 is slower. */
export function checkDigest(expected: ContentDigest): DigestCheck {
  const sha256 = expected['sha-256'] ? currentHost().sha256() : undefined;
  const hash512 = expected['sha-512'] ? sha512.create() : undefined;
  const compare = (algorithm: Algorithm, actual: Uint8Array) => {
    const announced = expected[algorithm];
    if (!announced || sameDigest(announced, actual)) return;
    throw new QuorateError('BAD_DIGEST', `the body's ${algorithm} differs from the announced one`, {
      algorithm,
      expected: bytesToHex(announced),
      got: bytesToHex(actual),
    });
  };
  return {
    update(bytes) {
      sha256?.update(bytes);
      hash512?.update(bytes);
    },
    finish() {
      if (sha256) compare('sha-256', hexToBytes(sha256.hex()));
      if (hash512) compare('sha-512', hash512.digest());
    },
  };
}
