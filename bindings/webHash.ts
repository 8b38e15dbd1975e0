/** SHA-256 where there is no node:crypto; Web Crypto has no running hash, and rows come in tiles. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Hash } from './abi.js';

export function webSha256(): Hash {
  const hash = sha256.create();
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
