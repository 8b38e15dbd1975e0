/**
 * The yardstick for ingest: bare node:http with the least possible work.
 *
 *   discard   reads the body and discards it
 *   hash      copies it into one buffer and computes its SHA-256
 *   disk      writes it to a file, and responds after fdatasync
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childOptions, listening } from './childSide.js';

export interface SinkOptions {
  readonly kind: 'discard' | 'hash' | 'disk';
}

type Take = (request: IncomingMessage, name: number) => Promise<void>;

const discard: Take = (request) =>
  new Promise((resolve, reject) => {
    request.resume().once('end', resolve).once('error', reject);
  });

const hash: Take = async (request) => {
  const whole = Buffer.allocUnsafe(Number(request.headers['content-length']));
  const digest = createHash('sha256');
  let at = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    digest.update(chunk);
    at += chunk.copy(whole, at);
  }
  digest.digest('hex');
};

function toDisk(): Take {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-sink-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return async (request, name) => {
    const path = join(folder, String(name % 100));
    const file = await open(path, 'w');
    for await (const chunk of request as AsyncIterable<Buffer>) await file.write(chunk);
    await file.datasync();
    await file.close();
  };
}

const { kind } = childOptions() as SinkOptions;
const take = kind === 'discard' ? discard : kind === 'hash' ? hash : toDisk();
process.once('SIGTERM', () => process.exit());
let taken = 0;

const server = createServer((request, response) => {
  take(request, taken++).then(
    () => response.writeHead(202).end(),
    () => response.destroy(),
  );
});
server.listen(0, '127.0.0.1', () => listening((server.address() as AddressInfo).port));
