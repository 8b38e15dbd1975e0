/**
 * The core's linear memory: 64-byte aligned blocks, allocated first-fit from a list of free blocks, and views on them.
 * Kernels never allocate, so that several threads can run on one memory.
 */
import { MAX_PAGES, PAGE_BYTES } from '../../bindings/abi.js';
import { QuorateError } from '../errors.js';

interface Block {
  readonly start: number;
  readonly end: number;
}

/** Address 0 stays unused, so that no block is mistaken for "none". */
const FIRST_BYTE = 1024;
const ALIGNMENT = 64;

/** Columns of a row after padding to whole cache lines. */
export const paddedColumns = (d: number) => Math.ceil(d / 16) * 16;

/** Allocates blocks of one memory. */
export class Arena {
  readonly memory: WebAssembly.Memory;
  private readonly limitBytes: number;
  private free: Block[];
  private readonly sizes = new Map<number, number>();

  constructor(limitBytes: number, shared: boolean) {
    const pages = Math.min(Math.floor(limitBytes / PAGE_BYTES), MAX_PAGES);
    this.limitBytes = pages * PAGE_BYTES;
    try {
      this.memory = new WebAssembly.Memory({ initial: 1, maximum: pages, shared });
    } catch (error) {
      throw new QuorateError(
        'MEMORY_LIMIT',
        `the host can't reserve ${limitBytes} bytes of memory; use a smaller memoryLimitBytes`,
        { memoryLimitBytes: limitBytes },
        error,
      );
    }
    this.free = [{ start: FIRST_BYTE, end: this.limitBytes }];
  }

  /** The size of the largest free block. */
  get largestFreeBytes(): number {
    return Math.max(0, ...this.free.map(({ start, end }) => end - start));
  }

  /**
   * Allocates a block with unspecified contents. This may grow the memory, which detaches older views if the memory is
   * not shared.
   *
   * @throws QuorateError MEMORY_LIMIT
   */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const index = this.free.findIndex(({ start, end }) => end - start >= size);
    if (index < 0) {
      throw new QuorateError(
        'MEMORY_LIMIT',
        `${bytes} bytes don't fit: the largest free block has ${this.largestFreeBytes} of the memory's ${this.limitBytes} bytes`,
        { bytes, largestFreeBytes: this.largestFreeBytes, memoryLimitBytes: this.limitBytes },
      );
    }
    const { start, end } = this.free[index]!;
    this.growTo(start + size);
    if (start + size === end) this.free.splice(index, 1);
    else this.free[index] = { start: start + size, end };
    this.sizes.set(start, size);
    return start;
  }

  private growTo(bytes: number): void {
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (missing <= 0) return;
    try {
      this.memory.grow(missing);
    } catch (error) {
      throw new QuorateError(
        'MEMORY_LIMIT',
        `the host can't provide ${bytes} bytes of memory`,
        { bytes },
        error,
      );
    }
  }

  /** Frees a block, by the address that `allocate` returned. */
  release(start: number): void {
    const size = this.sizes.get(start);
    if (size === undefined) throw new Error(`no block starts at ${start}`);
    this.sizes.delete(start);
    const blocks = [...this.free, { start, end: start + size }].sort((a, b) => a.start - b.start);
    this.free = [];
    for (const block of blocks) {
      const last = this.free.at(-1);
      if (last?.end === block.start) this.free[this.free.length - 1] = { start: last.start, end: block.end };
      else this.free.push(block);
    }
  }

  f32(start: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, start, length);
  }

  f64(start: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, start, length);
  }

  u32(start: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, start, length);
  }

  u8(start: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, start, length);
  }
}

/** Blocks that are freed together, when the work that allocated them ends. */
export class Allocation {
  private readonly arena: Arena;
  private readonly starts: number[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
  }

  take(bytes: number): number {
    const start = this.arena.allocate(bytes);
    this.starts.push(start);
    return start;
  }

  /** Allocates and fills a block. */
  u32(values: ArrayLike<number>): number {
    const start = this.take(values.length * 4);
    this.arena.u32(start, values.length).set(values);
    return start;
  }

  f32(values: ArrayLike<number>): number {
    const start = this.take(values.length * 4);
    this.arena.f32(start, values.length).set(values);
    return start;
  }

  f64(values: Float64Array): number {
    const start = this.take(values.byteLength);
    this.arena.f64(start, values.length).set(values);
    return start;
  }

  releaseAll(): void {
    for (const start of this.starts.splice(0)) this.arena.release(start);
  }
}
