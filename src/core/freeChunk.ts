import { MessageChannel } from 'node:worker_threads';

const { port1: closedPort } = new MessageChannel();
closedPort.close();

/**
 * Frees the memory of a chunk from a socket at once. Left to the garbage collector, chunks of a few hundred MB/s count as
 * live memory and trigger collections again and again, and each new chunk lands in memory that no cache holds. Measured
 * in docs/decisions/0018.
 *
 * The chunk's buffer is transferred to a closed port, which detaches and discards it (HTML, "message ports").
 * `ArrayBuffer.prototype.transfer` would do the same, but Node 20 doesn't have it.
 *
 * @param chunk must have no other user; its length is 0 afterwards. A chunk that shares its buffer is left alone.
 */
export function freeChunk(chunk: Uint8Array): void {
  if (ownsMemory(chunk)) closedPort.postMessage(null, [chunk.buffer]);
}

/** Whether the chunk owns all of its buffer, so that the buffer can be transferred. */
export function ownsMemory(chunk: Uint8Array): chunk is Uint8Array<ArrayBuffer> {
  return chunk.buffer instanceof ArrayBuffer && chunk.buffer.byteLength === chunk.byteLength;
}
