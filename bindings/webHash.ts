import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Hash } from './abi.js';

/** SHA-256 for hosts without node:crypto. Web Crypto can't hash in pieces, and rows come in tiles. */
export function webSha256(): Hash {
  const hash = sha256.create();
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
