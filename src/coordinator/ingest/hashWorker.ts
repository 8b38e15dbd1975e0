/** The hash thread: takes the SHA-256 of each update whose chunks it is given, and frees them. */
import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { freeChunk } from '../../core/freeChunk.js';
import type { FromHashThread, ToHashThread } from './hashThread.js';

/** Said seldom enough to cost nothing, often enough for a sender that waits. */
const REPORT_BYTES = 1_048_576;

const port = parentPort;
if (!port) throw new Error('hashWorker.js runs only as a worker thread');
const hashes = new Map<number, Hash>();
let doneBytes = 0;

function say(message: FromHashThread): void {
  port?.postMessage(message);
}

function take(id: number, chunk: Uint8Array): void {
  let hash = hashes.get(id);
  if (!hash) hashes.set(id, (hash = createHash('sha256')));
  hash.update(chunk);
  doneBytes += chunk.length;
  freeChunk(chunk);
  if (doneBytes < REPORT_BYTES) return;
  say({ doneBytes });
  doneBytes = 0;
}

function end(id: number, isAnswerWanted: boolean): void {
  const hash = hashes.get(id) ?? createHash('sha256');
  hashes.delete(id);
  if (isAnswerWanted) say({ id, hex: hash.digest('hex') });
}

port.on('message', (message: ToHashThread) => {
  if ('chunk' in message) take(message.id, message.chunk);
  else end(message.id, message.end === 'answer');
});
