/** Files of which one is there, held in memory, for reading; it counts what is read at once. */
import type { FileHandle } from 'node:fs/promises';
import type { Files } from '../../src/files/files.js';

export function bytesAsFile(bytes: Buffer, onRead: (bytes: number) => void = () => undefined): Files {
  const file = {
    stat: async () => ({ size: bytes.length }),
    read: async (into: Uint8Array, offset: number, length: number, position: number) => {
      onRead(length);
      const bytesRead = bytes.copy(into, offset, position, Math.min(bytes.length, position + length));
      return { bytesRead, buffer: into };
    },
    close: async () => undefined,
  };
  const refuse = () => Promise.reject(new Error('only reading is expected'));
  return {
    open: async () => file as unknown as FileHandle,
    rename: refuse,
    unlink: refuse,
    readdir: refuse,
    mkdir: refuse,
    rm: refuse,
    readFile: refuse,
  };
}
