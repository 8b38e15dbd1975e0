/**
 * Gives the memory of a chunk from a socket back at once. Left to the collector, the chunks of a few hundred MB/s are
 * counted as memory that lives, and make it search everything over and over; and each comes to lie in memory that no
 * cache holds any more. Measured in docs/decisions/0018.
 *
 * What is transferred to a port that is closed is taken from its owner and reaches nobody (HTML, "message ports"), so
 * that it is freed there and then. `ArrayBuffer.prototype.transfer` would do the same, but Node 20 doesn't have it.
 */
import { MessageChannel } from 'node:worker_threads';

const { port1: closedPort } = new MessageChannel();
closedPort.close();

/** @param chunk used by nobody else; its length is 0 afterwards. One that shares its memory with others is left alone. */
export function freeChunk(chunk: Uint8Array): void {
  if (ownsMemory(chunk)) closedPort.postMessage(null, [chunk.buffer]);
}

/** Whether all of its memory is its own, so that it can be given away. */
export function ownsMemory(chunk: Uint8Array): chunk is Uint8Array<ArrayBuffer> {
  return chunk.buffer instanceof ArrayBuffer && chunk.buffer.byteLength === chunk.byteLength;
}
