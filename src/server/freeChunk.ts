/**
 * Gives the memory of a body's chunk back at once. Left to the collector, the chunks of a few hundred MB/s are counted
 * as memory that lives, and make it search everything over and over; and each comes to lie in memory that no cache
 * holds any more. Measured in docs/decisions/0016.
 *
 * What is transferred to a port that is closed is taken from its owner and reaches nobody (HTML, "message ports"), so
 * that it is freed there and then. `ArrayBuffer.prototype.transfer` would do the same, but Node 20 doesn't have it.
 */
import { MessageChannel } from 'node:worker_threads';

const { port1: closedPort } = new MessageChannel();
closedPort.close();

/** @param chunk used by nobody else; its length is 0 afterwards. One that shares its memory with others is left alone. */
export function freeChunk({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) {
    closedPort.postMessage(null, [buffer]);
  }
}
