/** Reads of a file at a position, any number at once. Only for hosts with Node's file system. */
import type { FileHandle } from 'node:fs/promises';

/**
 * Fills `bytes` from `position` on.
 *
 * @throws Error of the system; or if the file ends before
 */
export async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new Error(`the file ended at byte ${position + done}`);
    done += bytesRead;
  }
}
