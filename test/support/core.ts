/** The compiled kernels, for tests that call them directly. */
import type { EngineSession } from '../../src/core/engine.js';
import { Allocation } from '../../src/core/memory.js';
import { createEngine } from '../../src/index.js';

const engine = createEngine({ threads: 1 });

/** What surrounds a buffer in the core's memory, to be found untouched afterwards. */
export const GUARD = 0xa5;

type Placeable = Float32Array | Uint32Array | Uint16Array | Uint8Array | Int8Array;

/** A kernel's view of the core: exports, and buffers that are filled, read back, and freed with the task. */
export interface Bench {
  readonly core: EngineSession['core'];
  /** Room for `bytes` with GUARD all around; `offset` moves it away from the 64-byte boundary. */
  readonly room: (bytes: number, offset?: number) => number;
  /** The same, filled with an array's bytes. */
  readonly place: (values: Placeable, offset?: number) => number;
  /** Copies, so that unaligned addresses can be read and results outlive the task. */
  readonly bytes: (address: number, length: number) => Uint8Array<ArrayBuffer>;
  readonly f32: (address: number, length: number) => Float32Array<ArrayBuffer>;
  readonly bits: (address: number, length: number) => Uint32Array<ArrayBuffer>;
}

/** Runs a task that has the core to itself. */
export function onCore<T>(task: (bench: Bench) => T): Promise<T> {
  return engine.exclusive(({ core, arena }) => {
    const allocation = new Allocation(arena);
    const bytes = (address: number, length: number) => arena.u8(address, length).slice();
    const room = (length: number, offset = 0): number => {
      const around = 128;
      const start = allocation.take(length + 2 * around);
      arena.u8(start, length + 2 * around).fill(GUARD);
      return start + 64 + offset;
    };
    try {
      return task({
        core,
        room,
        place(values, offset) {
          const address = room(values.byteLength, offset);
          arena
            .u8(address, values.byteLength)
            .set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
          return address;
        },
        bytes,
        f32: (address, length) => new Float32Array(bytes(address, length * 4).buffer),
        bits: (address, length) => new Uint32Array(bytes(address, length * 4).buffer),
      });
    } finally {
      allocation.releaseAll();
    }
  });
}
